/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/need.h"

#include "lib/code.h"

bool
need_may_repeat(const struct collateral *need)
{
	return need->err.code == CODE_OK && !need->again && (kind_row(need->kind)->again & 1u << need->origin) != 0;
}
