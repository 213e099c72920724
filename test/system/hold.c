/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold NODE [PROGRAM ARGUMENT...]: has NODE open and waits, or becomes PROGRAM with it. O_PATH, since a node of a
 * driver that is not there cannot be opened otherwise.
 */
#include <fcntl.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	if (argc < 2 || open(argv[1], O_PATH) < 0)
		return 1;
	if (argc > 2) {
		execvp(argv[2], argv + 2);
		return 1;
	}
	for (;;)
		pause();
}
