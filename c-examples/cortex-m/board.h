/* The parts of the LM3S6965 that the node needs: two serial lines, the time, four output pins, a watchdog, and a
 * number that survives a reset. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_HZ 50000000u
#define CABLE_BAUD 19200u    /* UART1: the serial line to the other node */
#define CONSOLE_BAUD 115200u /* UART0: the console */

/* Starts clocks, pins, both serial lines, and the time. */
void board_start(void);

/* Microseconds since the start. */
uint64_t time_us(void);

/* Clock cycles, to measure times below one minute; wraps. */
uint32_t time_cycles(void);

/* Sleeps until an interrupt, which comes at least once a millisecond. */
void board_sleep(void);

enum line { CONSOLE, CABLE };

/* Reads up to `room` bytes that have arrived. Bytes that arrive while the buffer is full are lost, and the engine
 * notices the gap. */
size_t line_read(enum line line, uint8_t *bytes, size_t room);

/* Sends all of `bytes`, or nothing if the queue has no room for them. Does not wait. */
bool line_write(enum line line, const void *bytes, size_t len);

/* The number of bytes for which line_write has room. */
size_t line_room(enum line line);

/* Output pins PB0 to PB3. */
void pin_set(unsigned pin, bool high);

/* Resets the machine if the program does not feed it for half a second. */
void watchdog_start(void);
void watchdog_feed(void);

/* Returns a number that is larger than at any earlier start. */
uint32_t generation_next(void);

/* startup.c */
size_t stack_used(void);
size_t stack_size(void);
#define UART0_INTERRUPT 5
#define UART1_INTERRUPT 6
#define TIMER0_INTERRUPT 19
void systick_interrupt(void);
void uart0_interrupt(void);
void uart1_interrupt(void);
void timer0_interrupt(void);

#endif
