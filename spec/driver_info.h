/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_DRIVER_INFO_H
#define SPEC_DRIVER_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

/* The texts of NVIDIA's kernel driver below /proc/driver, as lines of "LABEL: VALUE" and of a list. */

#define DRIVER_INFO_MAX 65536    /* /proc/driver/nvidia/gpus/ADDRESS/information: a few hundred bytes in reality */
#define DRIVER_CAPS_MAX (4 << 20) /* /proc/driver/nvidia-caps/mig-minors: 4.4 KB for each GPU, 109 KB for 25 */

/*
 * The value of a label ("GPU UUID", "Device Minor"), without space around it; the whole text is valid for as long as
 * information is. {NULL, 0}: no such line, or more than one.
 */
struct bytes driver_info_value(struct bytes information, const char *label);
/* N of /dev/nvidiaN, or -1. */
int driver_info_minor(struct bytes information);
/*
 * Of nvidia-caps' device of this minor: N of the GPU that it is a part of, by the text of mig-minors
 * ("gpu0/gi1/ci0/access 12", "config 1"); -1 where it is of none or stands there twice.
 */
int driver_info_caps_gpu(struct bytes list, int64_t minor);

#endif
