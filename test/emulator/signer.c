/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/signer.h"

#include <string.h>

#include "test/emulator/sha384.h"

#define WORDS 6

/* Least significant word first. */
struct number {
	uint64_t word[WORDS];
};

/* n of secp384r1 (SEC 2, 2.5.1). */
static const struct number order = {{0xecec196accc52973, 0x581a0db248b0a77a, 0xc7634d81f4372ddf, 0xffffffffffffffff,
				     0xffffffffffffffff, 0xffffffffffffffff}};

static struct number
number_of(const uint8_t bytes[SIGNER_PART])
{
	struct number number = {{0}};

	for (unsigned i = 0; i < SIGNER_PART; i++)
		number.word[WORDS - 1 - i / 8] = number.word[WORDS - 1 - i / 8] << 8 | bytes[i];
	return number;
}

/* to -= what; true if that was too much. */
static bool
subtract(struct number *to, const struct number *what)
{
	bool borrow = false;

	for (unsigned i = 0; i < WORDS; i++)
		borrow = __builtin_sub_overflow(to->word[i], what->word[i], &to->word[i]) |
			 __builtin_sub_overflow(to->word[i], (uint64_t)borrow, &to->word[i]);
	return borrow;
}

/* Below the order, from below twice the order. */
static void
reduce(struct number *number, bool carry)
{
	struct number less = *number;

	if (!subtract(&less, &order) || carry)
		*number = less;
}

static void
add(struct number *to, const struct number *what)
{
	bool carry = false;

	for (unsigned i = 0; i < WORDS; i++)
		carry = __builtin_add_overflow(to->word[i], what->word[i], &to->word[i]) |
			__builtin_add_overflow(to->word[i], (uint64_t)carry, &to->word[i]);
	reduce(to, carry);
}

static struct number
multiply(const struct number *a, const struct number *b)
{
	struct number product = {{0}};

	for (unsigned bit = 64 * WORDS; bit-- > 0;) {
		add(&product, &product);
		if (b->word[bit / 64] >> bit % 64 & 1)
			add(&product, a);
	}
	return product;
}

void
signer_sign(const struct signer *signer, struct bytes message, uint8_t out[2 * SIGNER_PART])
{
	struct number digest, factor = number_of(signer->factor), summand = number_of(signer->summand), s;
	uint8_t hash[SHA384_SIZE];

	sha384(message, hash);
	digest = number_of(hash);
	reduce(&digest, false);
	s = multiply(&factor, &digest);
	add(&s, &summand);
	memcpy(out, signer->r, SIGNER_PART);
	for (unsigned i = 0; i < SIGNER_PART; i++)
		out[SIGNER_PART + i] = (uint8_t)(s.word[WORDS - 1 - i / 8] >> (56 - i % 8 * 8));
}
