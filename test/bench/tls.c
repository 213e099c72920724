/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls CA-FILE [QUESTION] URL...: what TLS costs whoever asks these services: libcurl, the CA file, one connection and
 * one handshake for each origin, for each URL a GET, or a POST of QUESTION, the file of a revocation question, where
 * one stands before it; what comes back is thrown away. With it a run's own share of the CPU can be told from that of
 * TLS.
 */
#include <curl/curl.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URLS_MAX 16
#define QUESTION_MAX 4096

static size_t
drop(char *data, size_t size, size_t count, void *context)
{
	(void)data, (void)context;
	return size * count;
}

static void
post(CURL *easy, const char *path)
{
	static struct curl_slist *headers;
	char question[QUESTION_MAX];
	FILE *file = fopen(path, "re");
	size_t size = file != NULL ? fread(question, 1, sizeof(question), file) : 0;

	if (size == 0 || size == sizeof(question))
		errx(2, "%s: cannot be read", path);
	fclose(file);
	if (headers == NULL)
		headers = curl_slist_append(NULL, "Content-Type: application/ocsp-request");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)size);
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, question);
}

static CURL *
start(CURLM *multi, const char *ca_file, const char *question, const char *url)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	if (question != NULL)
		post(easy, question);
	curl_multi_add_handle(multi, easy);
	return easy;
}

int
main(int argc, char **argv)
{
	CURLM *multi = curl_multi_init();
	CURL *easy[URLS_MAX];
	int running = 1, urls = 0, failed = 0, left;
	CURLMsg *message;

	if (multi == NULL)
		return 2;
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
	for (int i = 2; i < argc; i++) {
		const char *question = strncmp(argv[i], "https:", 6) != 0 && i + 1 < argc ? argv[i++] : NULL;

		if (urls == URLS_MAX)
			errx(2, "more than %d URLs", URLS_MAX);
		easy[urls++] = start(multi, argv[1], question, argv[i]);
	}
	if (urls == 0)
		errx(2, "usage: tls CA-FILE [QUESTION] URL...");
	while (running != 0 && curl_multi_perform(multi, &running) == CURLM_OK)
		if (running != 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	while ((message = curl_multi_info_read(multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE && message->data.result != CURLE_OK) {
			fprintf(stderr, "tls: %s\n", curl_easy_strerror(message->data.result));
			failed = 1;
		}
	for (int i = 0; i < urls; i++) {
		curl_multi_remove_handle(multi, easy[i]);
		curl_easy_cleanup(easy[i]);
	}
	curl_multi_cleanup(multi);
	return failed;
}
