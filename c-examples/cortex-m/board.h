/* The LM3S6965 as the node needs it: two serial lines, the time, four output pins, a watchdog, and a number that outlives a reset. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_HZ 50000000u
#define CABLE_BAUD 19200u    /* UART1: the serial cable to the other node */
#define CONSOLE_BAUD 115200u /* UART0: for people */

/* Clocks, pins, both serial lines, and the time. */
void board_start(void);

/* Microseconds since the start. */
uint64_t time_us(void);

/* Clock cycles, for measuring what takes less than a minute; wraps. */
uint32_t time_cycles(void);

/* Sleeps until an interrupt, which comes at least once a millisecond. */
void board_sleep(void);

enum line { CONSOLE, CABLE };

/* Takes up to `room` bytes that have arrived. What arrives while nobody takes it is lost, and found to be missing by the engine. */
size_t line_read(enum line line, uint8_t *bytes, size_t room);

/* Sends all of `bytes`, or nothing if the queue has no room for them. Does not wait. */
bool line_write(enum line line, const void *bytes, size_t len);

/* How much line_write has room for. */
size_t line_room(enum line line);

/* Output pins PB0 to PB3. */
void pin_set(unsigned pin, bool high);

/* Resets the machine if nobody feeds it for half a second. */
void watchdog_start(void);
void watchdog_feed(void);

/* Larger than at any start before. */
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
