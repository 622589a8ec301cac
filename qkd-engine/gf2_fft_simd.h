/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The additive FFT on registers of LANES elements (log2 LANES_LOG2), for the files that have
 * before: TARGET, vec, load, store, set (all elements alike), add, times, and last_forward,
 * last_back: levels LANES_LOG2 - 1 to 0 of two registers of consecutive elements, where BASE has
 * T[i] in all elements and G is the number of the registers' pair in the chunk.
 */

TARGET static inline void rows_by(uint64_t *x, uint64_t *y, size_t n, vec t)
{
	for (size_t i = 0; i < n; i += LANES) {
		vec b = load(y + i), a = add(load(x + i), times(b, t));

		store(x + i, a);
		store(y + i, add(a, b));
	}
}

TARGET static inline void rows_back_by(uint64_t *x, uint64_t *y, size_t n, vec t)
{
	for (size_t i = 0; i < n; i += LANES) {
		vec a = load(x + i), b = add(load(y + i), a);

		store(y + i, b);
		store(x + i, add(a, times(b, t)));
	}
}

TARGET static void rows(uint64_t *x, uint64_t *y, size_t n, uint64_t t)
{
	rows_by(x, y, n, set(t));
}

TARGET static void rows_back(uint64_t *x, uint64_t *y, size_t n, uint64_t t)
{
	rows_back_by(x, y, n, set(t));
}

TARGET static void chunk_forward(uint64_t *x, unsigned int k, const uint64_t *t,
                                 const uint64_t *span)
{
	const vec base[3] = {set(t[0]), set(t[1]), set(t[2])};

	for (unsigned int i = k; i-- > LANES_LOG2;) {
		const vec first = set(t[i]);

		for (size_t j = 0; j < 1u << (k - 1 - i); j++) {
			uint64_t *block = x + (j << (i + 1));

			rows_by(block, block + (1u << i), 1u << i, add(first, set(span[j])));
		}
	}
	for (size_t g = 0; g < (1u << k) / (2 * LANES); g++) {
		vec a = load(x + 2 * LANES * g), b = load(x + 2 * LANES * g + LANES);

		last_forward(&a, &b, base, span, g);
		store(x + 2 * LANES * g, a);
		store(x + 2 * LANES * g + LANES, b);
	}
}

TARGET static void chunk_back(uint64_t *x, unsigned int k, const uint64_t *t, const uint64_t *span)
{
	const vec base[3] = {set(t[0]), set(t[1]), set(t[2])};

	for (size_t g = 0; g < (1u << k) / (2 * LANES); g++) {
		vec a = load(x + 2 * LANES * g), b = load(x + 2 * LANES * g + LANES);

		last_back(&a, &b, base, span, g);
		store(x + 2 * LANES * g, a);
		store(x + 2 * LANES * g + LANES, b);
	}
	for (unsigned int i = LANES_LOG2; i < k; i++) {
		const vec first = set(t[i]);

		for (size_t j = 0; j < 1u << (k - 1 - i); j++) {
			uint64_t *block = x + (j << (i + 1));

			rows_back_by(block, block + (1u << i), 1u << i, add(first, set(span[j])));
		}
	}
}

TARGET static void multiply(uint64_t *x, const uint64_t *y, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
		store(x + i, times(load(x + i), load(y + i)));
}
