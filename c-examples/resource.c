/*
 * A resource agent: a program of /etc/ha.d/resource.d. This one switches a lamp, which is a file that contains 0 or
 * 1, such as a GPIO of Linux:
 *
 *     Lamp FILE start|stop|status|monitor
 *
 * Installed as resource.d/Lamp, a line of haresources uses it: `alpha Lamp::/sys/class/leds/owner/brightness`.
 *
 * The rules for a resource agent:
 * - start returns 0 if, and only if, the resource runs; stop returns 0 if it is stopped. Both wait until then.
 * - Starting a running resource and stopping a stopped one return 0 at once. Both happen in practice.
 * - status prints a word; the daemon calls it before it starts a resource.
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
