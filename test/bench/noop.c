/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a static program can do: what a hook is measured against. */
int
main(void)
{
	return 0;
}
