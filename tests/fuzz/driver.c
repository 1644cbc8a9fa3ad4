/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Replays files, and all files below folders, through a fuzz target without libFuzzer: for gcc and
 * for `make check`. Every input stands in a block of its exact size, so that ASan sees one byte too
 * far. The target aborts on what it does not like; exit 1 means that there was nothing to replay,
 * or something that cannot be read. */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_replayed; /* nftw() hands nothing through to its callback */

static int replay(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	int failed = -1;

	if (file && data && fread(data, 1, size, file) == size) {
		LLVMFuzzerTestOneInput(data, size);
		n_replayed++;
		failed = 0;
	} else {
		perror(path);
	}
	free(data);
	if (file)
		fclose(file);
	return failed;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type == FTW_D)
		return 0;
	return replay(path, type == FTW_F ? (size_t)st->st_size : 0);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], visit, 16, 0) != 0) {
			fprintf(stderr, "%s: cannot replay %s\n", argv[0], argv[i]);
			return 1;
		}
	}
	printf("%s: %u inputs\n", argv[0], n_replayed);
	return n_replayed > 0 ? 0 : 1;
}
