/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_PROVISION_H
#define TEST_EMULATOR_PROVISION_H

/*
 * What mint leaves below DIR/services for the emulated services:
 *
 *   ca.pem                                    the CA of their TLS certificates
 *   tls/KIND.pem tls/KIND.key                 good, wrong-host, expired, self-signed
 *   rim/ID.xml                                manifests of that name, signed, that speak of another version
 *   ocsp/SUBJECT/                             brom ica identity rim-signer rim-l3 rim-ca, and leaf0.. of the GPUs
 *     issuer.pem issued.pem                   who answers for which certificates
 *     responder.key                           with three certificates of it:
 *     good.pem no-purpose.pem expired.pem     delegated, without the purpose, and of yesterday
 *   nras/root.pem                             the CA of the signing keys
 *   nras/first.key first.pem second.key second.pem    two signing keys, each with its chain, root last
 *   service-key port                          the bearer token that need-key asks for; that of the RIM service
 */

/* Claim iss: other than any address, so that both must be configured. */
#define NRAS_ISSUER "https://nras.emulator.invalid"

#endif
