/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_HOST_PCI_H
#define HOOK_HOST_PCI_H

#include <stdbool.h>
#include <sys/types.h>

/* PCI functions of the host, by sysfs: members of struct decision_host (hook/decision.h) of the same meaning. */

unsigned host_pci_vendor(void *context, dev_t number, int *minor);
bool host_pci_has_function(void *context, const char *path);
/* Not kept: the caller asks once. */
bool host_pci_has_gpu(void);

#endif
