/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_HTTPS_SERVER_H
#define TEST_UNIT_HTTPS_SERVER_H

/*
 * A server on 127.0.0.1 that can misbehave: HTTP/1.1 by hand over a socket or over TLS, each connection in a thread. A
 * test gives the function that answers one request, and reads afterwards what was asked and over how many connections.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"

#define SERVER_THREADS_MAX 64

struct server;

struct connection {
	struct server *server;
	int fd;
	SSL *tls; /* NULL: plain */
	char *head;
	struct buf body;
	unsigned request; /* of the server, from 0 */
};

/* false: the connection is closed after this request. */
typedef bool (*serve_fn)(struct connection *connection);

struct server {
	int fd;
	unsigned port;
	SSL_CTX *tls;
	serve_fn serve;
	bool no_handshake; /* accept, and say nothing */
	bool drop;         /* accept, and close */
	unsigned connections, requests;
	struct buf log; /* heads and bodies of all requests */
	pthread_mutex_t lock;
	pthread_t acceptor, thread[SERVER_THREADS_MAX];
	int stop[2]; /* closed at the end: wakes every thread */
};

/* -- certificates -------------------------------------------------------------------------------------------------- */
struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

static inline void
identity_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (extension == NULL || X509_add_ext(cert, extension, -1) != 1)
		abort();
	X509_EXTENSION_free(extension);
}

/* names: subjectAltName of a server, NULL for a CA. issuer NULL: self-signed. Valid from days to days from now. */
static inline struct identity
identity_make(const char *name, const char *names, const struct identity *issuer, int from, int until)
{
	static long serial = 1;
	struct identity made = {X509_new(), EVP_EC_gen("P-256")};
	X509 *signer = issuer != NULL ? issuer->cert : made.cert;

	X509_set_version(made.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
	X509_time_adj_ex(X509_getm_notBefore(made.cert), from, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(made.cert), until, 0, NULL);
	X509_set_pubkey(made.cert, made.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made.cert), "CN", MBSTRING_ASC, (const unsigned char *)name,
				   -1, -1, 0);
	X509_set_issuer_name(made.cert, X509_get_subject_name(signer));
	identity_extension(made.cert, signer, NID_basic_constraints,
			   names != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
	identity_extension(made.cert, signer, NID_subject_key_identifier, "hash");
	if (issuer != NULL)
		identity_extension(made.cert, signer, NID_authority_key_identifier, "keyid:always");
	if (names != NULL)
		identity_extension(made.cert, signer, NID_subject_alt_name, names);
	if (X509_sign(made.cert, issuer != NULL ? issuer->key : made.key, EVP_sha256()) <= 0)
		abort();
	return made;
}

static inline void
identity_free(struct identity *identity)
{
	X509_free(identity->cert);
	EVP_PKEY_free(identity->key);
}

static inline void
identity_pem(const struct identity *identity, struct buf *out)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *text;
	long size;

	PEM_write_bio_X509(memory, identity->cert);
	size = BIO_get_mem_data(memory, &text);
	buf_add(out, text, (size_t)size);
	BIO_free(memory);
}

/* -- one connection ------------------------------------------------------------------------------------------------ */
static inline bool
server_waits(struct connection *connection, int ms)
{
	struct pollfd end = {connection->server->stop[0], POLLIN, 0};

	return poll(&end, 1, ms) == 0;
}

/* False once the server stops. */
static inline bool
connection_ready(struct connection *connection, short events)
{
	struct pollfd end[] = {{connection->server->stop[0], POLLIN, 0}, {connection->fd, events, 0}};

	if (connection->tls != NULL && events == POLLIN && SSL_pending(connection->tls) > 0)
		return true;
	return poll(end, 2, -1) > 0 && end[0].revents == 0;
}

static inline bool
connection_send(struct connection *connection, const void *data, size_t size)
{
	for (const char *at = data; size > 0;) {
		ssize_t put = -1;

		if (connection_ready(connection, POLLOUT))
			put = connection->tls != NULL
				  ? SSL_write(connection->tls, at, (int)(size < 16384 ? size : 16384))
				  : send(connection->fd, at, size, MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		at += put;
		size -= (size_t)put;
	}
	return true;
}

static inline bool
connection_printf(struct connection *connection, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool
connection_printf(struct connection *connection, const char *format, ...)
{
	char text[4096];
	va_list list;
	int size;

	va_start(list, format);
	size = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return connection_send(connection, text, (size_t)size);
}

/* A whole answer; headers end with CR LF each. */
static inline bool
connection_answer(struct connection *connection, int status, const char *headers, struct bytes body)
{
	return connection_printf(connection, "HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n", status, headers,
				 body.size) &&
	       connection_send(connection, body.data, body.size);
}

static inline ssize_t
connection_read(struct connection *connection, void *data, size_t size)
{
	if (!connection_ready(connection, POLLIN))
		return -1;
	return connection->tls != NULL ? SSL_read(connection->tls, data, (int)size)
				       : recv(connection->fd, data, size, 0);
}

static inline bool
connection_read_head(struct connection *connection, struct buf *head)
{
	char byte;

	while (head->size < 4 || memcmp(head->data + head->size - 4, "\r\n\r\n", 4) != 0) {
		if (connection_read(connection, &byte, 1) != 1)
			return false;
		buf_add(head, &byte, 1);
	}
	return true;
}

static inline bool
connection_read_body(struct connection *connection)
{
	const char *header = strcasestr(connection->head, "\r\ncontent-length:");
	size_t left = header != NULL ? strtoul(header + strlen("\r\ncontent-length:"), NULL, 10) : 0;
	char chunk[4096];

	while (left > 0) {
		ssize_t got = connection_read(connection, chunk, left < sizeof(chunk) ? left : sizeof(chunk));

		if (got <= 0)
			return false;
		buf_add(&connection->body, chunk, (size_t)got);
		left -= (size_t)got;
	}
	return true;
}

static inline bool
connection_serve_one(struct connection *connection)
{
	struct server *server = connection->server;
	struct buf head = {0};
	bool more = false;

	if (connection_read_head(connection, &head)) {
		connection->head = buf_steal_text(&head);
		if (connection_read_body(connection)) {
			pthread_mutex_lock(&server->lock);
			connection->request = server->requests++;
			buf_add_text(&server->log, connection->head);
			buf_add(&server->log, connection->body.data, connection->body.size);
			pthread_mutex_unlock(&server->lock);
			more = server->serve(connection);
		}
		free(connection->head);
	}
	buf_free(&head);
	buf_free(&connection->body);
	return more;
}

static inline void *
connection_run(void *argument)
{
	struct connection *connection = argument;
	struct server *server = connection->server;

	if (server->no_handshake) {
		server_waits(connection, -1);
	} else if (!server->drop) {
		if (server->tls != NULL) {
			connection->tls = SSL_new(server->tls);
			SSL_set_fd(connection->tls, connection->fd);
		}
		if (connection->tls == NULL || SSL_accept(connection->tls) == 1)
			while (connection_serve_one(connection))
				;
	}
	SSL_free(connection->tls);
	close(connection->fd);
	free(connection);
	return NULL;
}

/* -- the server ---------------------------------------------------------------------------------------------------- */
static inline void *
server_accept(void *argument)
{
	struct server *server = argument;
	struct pollfd end[] = {{server->stop[0], POLLIN, 0}, {server->fd, POLLIN, 0}};

	while (poll(end, 2, -1) > 0 && end[0].revents == 0 && server->connections < SERVER_THREADS_MAX) {
		struct connection *connection = xcalloc(1, sizeof(*connection));

		connection->server = server;
		connection->fd = accept(server->fd, NULL, NULL);
		if (connection->fd < 0 ||
		    pthread_create(&server->thread[server->connections], NULL, connection_run, connection) != 0)
			abort();
		server->connections++;
	}
	return NULL;
}

/* A listening socket; the kernel takes connections from here on. */
static inline void
server_bind(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, size) != 0 || listen(server->fd, 64) != 0 ||
	    getsockname(server->fd, (struct sockaddr *)&address, &size) != 0 || pipe(server->stop) != 0)
		abort();
	server->port = ntohs(address.sin_port);
}

/* identity NULL: plain. */
static inline void
server_start(struct server *server, const struct identity *identity, serve_fn serve)
{
	server->serve = serve;
	pthread_mutex_init(&server->lock, NULL);
	server_bind(server);
	if (identity != NULL) {
		server->tls = SSL_CTX_new(TLS_server_method());
		SSL_CTX_use_certificate(server->tls, identity->cert);
		SSL_CTX_use_PrivateKey(server->tls, identity->key);
	}
	if (pthread_create(&server->acceptor, NULL, server_accept, server) != 0)
		abort();
}

/* What was counted and logged stays until server_free. */
static inline void
server_stop(struct server *server)
{
	if (server->stop[1] < 0)
		return;
	close(server->stop[1]);
	server->stop[1] = -1;
	pthread_join(server->acceptor, NULL);
	for (unsigned i = 0; i < server->connections; i++)
		pthread_join(server->thread[i], NULL);
	close(server->fd);
	close(server->stop[0]);
}

static inline void
server_free(struct server *server)
{
	server_stop(server);
	SSL_CTX_free(server->tls);
	buf_free(&server->log);
	pthread_mutex_destroy(&server->lock);
	*server = (struct server){0};
}

static inline const char *
server_log(const struct server *server)
{
	return server->log.data != NULL ? (const char *)server->log.data : "";
}

#endif
