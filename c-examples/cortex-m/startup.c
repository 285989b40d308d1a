/* From reset to main(): the vector table, the memory that C expects, and the paint that shows how deep the stack was
 * used. */
#include "board.h"

extern uint32_t data_begin[], data_end[], bss_begin[], bss_end[], stack_bottom[], stack_top[];
extern const uint32_t data_image[];

#define PAINT 0xA5A5A5A5u
#define INTERRUPTS 20 /* the interrupts in use are among the first */

int main(void);

/* A mistake of this program. The watchdog is not fed any more and resets the machine. */
static void stand_still(void)
{
    for (;;)
        ;
}

_Noreturn void reset(void)
{
    const uint32_t *from = data_image;
    for (uint32_t *word = data_begin; word < data_end; word++)
        *word = *from++;
    for (uint32_t *word = bss_begin; word < bss_end; word++)
        *word = 0;
    uint32_t *here;
    __asm volatile("mov %0, sp" : "=r"(here));
    for (uint32_t *word = stack_bottom; word < here; word++)
        *word = PAINT;
    main();
    for (;;)
        ;
}

size_t stack_used(void)
{
    const uint32_t *word = stack_bottom;
    while (word < stack_top && *word == PAINT)
        word++;
    return (size_t)((const char *)stack_top - (const char *)word);
}

size_t stack_size(void)
{
    return (size_t)((const char *)stack_top - (const char *)stack_bottom);
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler reset, exceptions[14], interrupts[INTERRUPTS];
} vectors = {
    .stack = stack_top,
    .reset = (handler)reset,
    .exceptions = {stand_still, stand_still, stand_still, stand_still, stand_still, stand_still, stand_still, stand_still, stand_still,
                   stand_still, stand_still, stand_still, stand_still, systick_interrupt},
    .interrupts = {[UART0_INTERRUPT] = uart0_interrupt, [UART1_INTERRUPT] = uart1_interrupt, [TIMER0_INTERRUPT] = timer0_interrupt},
};
