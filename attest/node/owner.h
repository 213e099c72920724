/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_NODE_OWNER_H
#define ATTEST_NODE_OWNER_H

#include <stdbool.h>

/*
 * Whose run this is: of the machine's root, or of a user, as whom a rootless engine starts the hook, in a namespace or
 * not.
 */

/*
 * Root, and the folder that runs keep things in is not another's, as it is for root of a rootless engine's namespace.
 */
bool owner_is_root(void);
/*
 * The folder of the user's session, /run/user/UID by the id outside of the namespace, for free(). NULL where there is
 * none. Reads no variable of the environment.
 */
char *owner_session(void);

#endif
