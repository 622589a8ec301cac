/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl.h"

int main(int argc, char **argv)
{
	return lgctl_run(argc, argv, stdout, stderr);
}
