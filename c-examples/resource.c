/*
 * A resource agent: a program of /etc/ha.d/resource.d. This one switches a lamp, which is a file that holds 0 or 1, such as a GPIO of Linux
 * has it:
 *
 *     Lamp FILE start|stop|status|monitor
 *
 * Installed as resource.d/Lamp, a line of haresources uses it: `alpha Lamp::/sys/class/leds/owner/brightness`.
 *
 * What a resource agent must keep:
 * - start returns 0 when, and only when, the resource runs; stop when it is stopped. So they wait until it is so.
 * - To start what runs, and to stop what is stopped, is done at once and no error: it happens.
 * - status prints a word; the daemon asks it before it starts something.
 */
#include <hbcore.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int set(const char *path, int on)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fprintf(file, "%d\n", on) < 0 || fclose(file) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    return 0;
}

static uint32_t is_on(const char *path)
{
    int on = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%d", &on) != 1)
        on = 0;
    fclose(file);
    return on != 0;
}

int main(int argc, char **argv)
{
    uint32_t action;
    hb_result_t result = hb_agent_action(argc, (const char *const *)argv, &action);
    if (result != HB_RESULT_OK || argc != 3) {
        fprintf(stderr, "usage: Lamp FILE start|stop|status|monitor\n");
        return 2;
    }
    const char *lamp = argv[1];
    switch (action) {
    case HB_ACTION_START:
        return set(lamp, 1);
    case HB_ACTION_STOP:
        return set(lamp, 0);
    case HB_ACTION_STATUS:
        puts(hb_agent_status(is_on(lamp)));
        return 0;
    default:
        return is_on(lamp) ? 0 : 7;
    }
}
