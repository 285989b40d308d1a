#include "board.h"

#include <string.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* System control: clocks. */
#define RCC REGISTER(0x400FE060)
#define RIS REGISTER(0x400FE050)
#define RCGC1 REGISTER(0x400FE104)
#define RCGC2 REGISTER(0x400FE108)
#define RCGC0 REGISTER(0x400FE100)
/* GPIO ports A, B and D. */
#define PORT_A 0x40004000u
#define PORT_B 0x40005000u
#define PORT_D 0x40007000u
#define GPIO_DIR 0x400u
#define GPIO_AFSEL 0x420u
#define GPIO_DEN 0x51Cu
/* SysTick and NVIC. */
#define SYST_CSR REGISTER(0xE000E010)
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)
#define ICSR REGISTER(0xE000ED04)
#define ICSR_SYSTICK_PENDING (1u << 26)
#define NVIC_ENABLE REGISTER(0xE000E100)
/* Timer 0. */
#define TIMER0_MODE REGISTER(0x40030004)
#define TIMER0_CTL REGISTER(0x4003000C)
#define TIMER0_IM REGISTER(0x40030018)
#define TIMER0_ICR REGISTER(0x40030024)
#define TIMER0_LOAD REGISTER(0x40030028)
/* Watchdog. */
#define WDT_LOAD REGISTER(0x40000000)
#define WDT_CTL REGISTER(0x40000008)
#define WDT_ICR REGISTER(0x4000000C)
#define WDT_LOCK REGISTER(0x40000C00)
/* Flash controller. */
#define FLASH_ADDRESS REGISTER(0x400FD000)
#define FLASH_DATA REGISTER(0x400FD004)
#define FLASH_CONTROL REGISTER(0x400FD008)
#define FLASH_KEY 0xA4420000u
#define FLASH_WRITE 1u
#define FLASH_ERASE 2u

static void interrupts_off(void) { __asm volatile("cpsid i" ::: "memory"); }
static void interrupts_on(void) { __asm volatile("cpsie i" ::: "memory"); }

/* --- time --- */

/* SysTick counts 24 bits down, and an interrupt counts the rounds: one in 335 ms, so that no round is missed. */
#define ROUND (1u << 24)

static volatile uint32_t rounds_low, rounds_high;

void systick_interrupt(void)
{
    if (++rounds_low == 0)
        rounds_high++;
}

/* Cycles since the start. Correct also while an interrupt is pending that has not been counted. */
static uint64_t cycles_read(void)
{
    interrupts_off();
    uint32_t left = SYST_CVR;
    bool pending = (ICSR & ICSR_SYSTICK_PENDING) != 0;
    if (pending)
        left = SYST_CVR; /* the interrupt came before or after the first read, and certainly before the second */
    uint64_t rounds = ((uint64_t)rounds_high << 32 | rounds_low) + pending;
    interrupts_on();
    return rounds * ROUND + (ROUND - 1 - left);
}

uint64_t time_us(void) { return cycles_read() / (CLOCK_HZ / 1000000); }

uint32_t time_cycles(void) { return (uint32_t)cycles_read(); }

/* This timer only wakes the processor once a millisecond, so it may be late. */
void timer0_interrupt(void) { TIMER0_ICR = 1; }

void board_sleep(void) { __asm volatile("wfi"); }

/* --- serial lines: PL011 --- */

/* One side fills it at `in`, the other side empties it at `out`; both numbers only grow. */
struct ring {
    volatile uint16_t in, out;
    uint8_t *bytes;
    uint16_t size; /* a power of two */
};

struct uart {
    uintptr_t base;
    struct ring received, to_send;
};

#define UART_DR 0x00u
#define UART_FR 0x18u
#define UART_IBRD 0x24u
#define UART_FBRD 0x28u
#define UART_LCRH 0x2Cu
#define UART_CTL 0x30u
#define UART_IM 0x38u
#define UART_ICR 0x44u
#define FR_RX_EMPTY (1u << 4)
#define FR_TX_FULL (1u << 5)
#define IM_RX (1u << 4)
#define IM_TX (1u << 5)
#define IM_RX_TIMEOUT (1u << 6)

static uint8_t cable_in[256], cable_out[1024], console_in[16], console_out[256];

static struct uart uarts[] = {
    [CONSOLE] = {0x4000C000u, {.bytes = console_in, .size = sizeof console_in}, {.bytes = console_out, .size = sizeof console_out}},
    [CABLE] = {0x4000D000u, {.bytes = cable_in, .size = sizeof cable_in}, {.bytes = cable_out, .size = sizeof cable_out}},
};

static uint16_t ring_used(const struct ring *ring) { return (uint16_t)(ring->in - ring->out); }

static void ring_put(struct ring *ring, uint8_t byte)
{
    ring->bytes[ring->in & (ring->size - 1)] = byte;
    ring->in++;
}

static uint8_t ring_take(struct ring *ring)
{
    uint8_t byte = ring->bytes[ring->out & (ring->size - 1)];
    ring->out++;
    return byte;
}

/* Moves as many bytes as the hardware has room for, and enables the interrupt that comes when there is room again. */
static void uart_send(struct uart *uart)
{
    while (ring_used(&uart->to_send) > 0 && (REGISTER(uart->base + UART_FR) & FR_TX_FULL) == 0)
        REGISTER(uart->base + UART_DR) = ring_take(&uart->to_send);
    REGISTER(uart->base + UART_IM) = IM_RX | IM_RX_TIMEOUT | (ring_used(&uart->to_send) > 0 ? IM_TX : 0);
}

static void uart_interrupt(struct uart *uart)
{
    REGISTER(uart->base + UART_ICR) = IM_RX | IM_RX_TIMEOUT | IM_TX;
    while ((REGISTER(uart->base + UART_FR) & FR_RX_EMPTY) == 0) {
        uint8_t byte = (uint8_t)REGISTER(uart->base + UART_DR);
        if (ring_used(&uart->received) < uart->received.size)
            ring_put(&uart->received, byte);
    }
    uart_send(uart);
}

void uart0_interrupt(void) { uart_interrupt(&uarts[CONSOLE]); }
void uart1_interrupt(void) { uart_interrupt(&uarts[CABLE]); }

size_t line_read(enum line line, uint8_t *bytes, size_t room)
{
    struct ring *ring = &uarts[line].received;
    size_t len = 0;
    while (len < room && ring_used(ring) > 0)
        bytes[len++] = ring_take(ring);
    return len;
}

size_t line_room(enum line line)
{
    const struct ring *ring = &uarts[line].to_send;
    return (size_t)(ring->size - ring_used(ring));
}

bool line_write(enum line line, const void *bytes, size_t len)
{
    struct uart *uart = &uarts[line];
    const uint8_t *from = bytes;
    if (len > line_room(line))
        return false;
    for (size_t i = 0; i < len; i++)
        ring_put(&uart->to_send, from[i]);
    interrupts_off();
    uart_send(uart);
    interrupts_on();
    return true;
}

static void uart_start(struct uart *uart, uint32_t baud)
{
    uint32_t divisor = (CLOCK_HZ * 4 + baud / 2) / baud; /* in 64ths of sixteen clocks */
    REGISTER(uart->base + UART_CTL) = 0;
    REGISTER(uart->base + UART_IBRD) = divisor / 64;
    REGISTER(uart->base + UART_FBRD) = divisor % 64;
    REGISTER(uart->base + UART_LCRH) = 0x70; /* eight bits, no parity, one stop bit, FIFOs */
    REGISTER(uart->base + UART_CTL) = 0x301; /* on, both directions */
    uart_send(uart);
}

/* --- pins --- */

static void port_use(uintptr_t port, uint32_t pins, uint32_t direction, uint32_t alternate)
{
    REGISTER(port + GPIO_DIR) |= direction;
    REGISTER(port + GPIO_AFSEL) |= alternate;
    REGISTER(port + GPIO_DEN) |= pins;
}

void pin_set(unsigned pin, bool high)
{
    /* The address selects the pins that a write changes. */
    REGISTER(PORT_B + (4u << pin)) = high ? 1u << pin : 0;
}

void board_start(void)
{
    RCC = (RCC & ~0x07C033F1u) | 0x01C00380u; /* 8 MHz crystal, PLL on, divided by four: 50 MHz; not used yet */
    while ((RIS & 1u << 6) == 0)
        ; /* until the PLL is stable */
    RCC &= ~(1u << 11);
    RCGC1 |= 0x10003u;   /* UART0, UART1 and timer 0 */
    RCGC2 |= 0xBu;       /* ports A, B and D */
    (void)RCGC2;         /* the clocks take a moment */
    port_use(PORT_A, 3u, 0, 3u);     /* UART0 */
    port_use(PORT_D, 0xCu, 0, 0xCu); /* UART1 */
    port_use(PORT_B, 0xFu, 0xFu, 0);
    SYST_RVR = ROUND - 1;
    SYST_CVR = 0;
    SYST_CSR = 7; /* on, with interrupts, from the processor's clock */
    TIMER0_MODE = 2; /* periodic */
    TIMER0_LOAD = CLOCK_HZ / 1000 - 1;
    TIMER0_IM = 1;
    TIMER0_CTL = 1;
    uart_start(&uarts[CONSOLE], CONSOLE_BAUD);
    uart_start(&uarts[CABLE], CABLE_BAUD);
    NVIC_ENABLE = 1u << UART0_INTERRUPT | 1u << UART1_INTERRUPT | 1u << TIMER0_INTERRUPT;
}

/* --- watchdog --- */

void watchdog_start(void)
{
    RCGC0 |= 1u << 3;
    (void)RCGC0;
    WDT_LOCK = 0x1ACCE551;
    WDT_LOAD = CLOCK_HZ / 4; /* the first expiry warns, the second one resets */
    WDT_CTL = 3;             /* cannot be switched off any more */
}

void watchdog_feed(void)
{
    WDT_ICR = 1; /* clears the warning and reloads the counter */
    WDT_LOAD = CLOCK_HZ / 4;
}

/* --- the number that survives a reset, and a loss of power --- */

/* The last two pages of the flash have a word for each start. When one page is full, the other one is erased. */
#define PAGE_WORDS 256u
#define PAGES 0x0003F800u
#define BLANK 0xFFFFFFFFu

/* A second copy, in case the flash cannot be written. */
static struct {
    uint32_t generation, complement;
} last __attribute__((section(".noinit")));

static uint32_t flash_word(uint32_t index) { return REGISTER(PAGES + 4 * index); }

static void flash_command(uint32_t address, uint32_t data, uint32_t command)
{
    FLASH_ADDRESS = address;
    FLASH_DATA = data;
    FLASH_CONTROL = FLASH_KEY | command;
    while ((FLASH_CONTROL & command) != 0)
        ;
}

uint32_t generation_next(void)
{
    uint32_t newest = 0, place = 0;
    for (uint32_t i = 0; i < 2 * PAGE_WORDS; i++) {
        uint32_t word = flash_word(i);
        if (word != BLANK && word > newest) {
            newest = word;
            place = i + 1;
        }
    }
    if (last.complement == ~last.generation && last.generation > newest)
        newest = last.generation;
    place %= 2 * PAGE_WORDS;
    if (place % PAGE_WORDS == 0)
        flash_command(PAGES + 4 * place, 0, FLASH_ERASE);
    flash_command(PAGES + 4 * place, newest + 1, FLASH_WRITE);
    last.generation = newest + 1;
    last.complement = ~last.generation;
    return newest + 1;
}
