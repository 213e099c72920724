#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# services.sh start|stop|restart DIR [rim|ocsp|nras]...: the emulated services of the machine that mint made in DIR, all or
# these. They are on 127.0.0.1: the RIM service on the port that mint was given, OCSP responder and remote verifier on the
# next two. start returns when they answer. What they leave is in DIR/services: requests.log, and run/ with process ids and
# messages. Faults of connections (tls, http1) in DIR/services/faults.conf are read here; services/faults.c tells them all.
# The program `services` is looked for in $EMULATOR, or else in $O/emulator.
set -eu
usage() { echo 'usage: services.sh start|stop|restart DIR [rim|ocsp|nras]...' >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1
dir=$(realpath "$2")/services
shift 2
program=${EMULATOR:-${O:-build}/emulator}/services
run=$dir/run
all=(rim ocsp nras)

# fault NAME SERVICE: the argument of that fault in faults.conf; fails where it is not chosen.
fault() {
	[ -e "$dir/faults.conf" ] && awk -v name="$1" -v service="$2" \
		'$1 == service && $2 == name { print $3; found = 1; exit } END { exit !found }' "$dir/faults.conf"
}

# port SERVICE
port() {
	local base i
	base=$(cat "$dir/port")
	for i in "${!all[@]}"; do
		[ "${all[i]}" != "$1" ] || echo $((base + i))
	done
}

# nginx of root would work as another user, who cannot reach a private DIR.
configuration() {
	local service=$1 cert=good protocols='TLSv1.2 TLSv1.3' http=http2 kind
	if kind=$(fault tls "$service"); then
		if [ "$kind" = 1.1 ]; then protocols=TLSv1.1; else cert=$kind; fi
	fi
	if fault http1 "$service" >/dev/null; then http=; fi
	[ "$(id -u)" -ne 0 ] || echo 'user root;'
	cat <<-END
	pid $run/$service.pid;
	error_log $run/$service.log;
	worker_processes 1;
	events { worker_connections 512; }
	http {
		access_log off;
		client_body_temp_path $run/$service.tmp;
		proxy_temp_path $run/$service.tmp;
		fastcgi_temp_path $run/$service.tmp;
		uwsgi_temp_path $run/$service.tmp;
		scgi_temp_path $run/$service.tmp;
		server {
			listen 127.0.0.1:$(port "$service") ssl $http;
			ssl_certificate $dir/tls/$cert.pem;
			ssl_certificate_key $dir/tls/$cert.key;
			ssl_protocols $protocols;
			ssl_ciphers DEFAULT@SECLEVEL=0;
			client_max_body_size 4m;
			client_body_buffer_size 4m;
			location / {
				fastcgi_pass unix:$run/services.sock;
				fastcgi_param SERVICE $service;
				fastcgi_param CONNECTION \$remote_addr:\$remote_port;
				fastcgi_param SERVER_PROTOCOL \$server_protocol;
				fastcgi_param REQUEST_METHOD \$request_method;
				fastcgi_param REQUEST_URI \$request_uri;
				fastcgi_param CONTENT_TYPE \$content_type;
				fastcgi_param CONTENT_LENGTH \$content_length;
				fastcgi_buffering off;
				fastcgi_buffer_size 1m;
				fastcgi_buffers 8 1m;
				fastcgi_busy_buffers_size 1m;
				fastcgi_read_timeout 600s;
			}
			location @close { return 444; }
		}
	}
	END
}

start_program() {
	mkdir -p "$run"
	if pid services >/dev/null; then return 0; fi
	"$program" "$dir" </dev/null >"$run/services.log" 2>&1 3>&- || { cat "$run/services.log" >&2; return 1; }
}

# nginx goes to the background when its port is bound.
start_service() {
	configuration "$1" >"$run/$1.conf"
	nginx -p "$run" -e "$run/$1.log" -c "$run/$1.conf" </dev/null >"$run/$1.out" 2>&1 3>&- ||
		{ echo "services.sh: $1 does not start" >&2; cat "$run/$1.out" >&2; return 1; }
}

# ours ID: that process is there and is of this DIR: an id may have come round, and a zombie has no command line.
ours() {
	grep -qaF "$dir" "/proc/$1/cmdline" 2>/dev/null
}

# pid NAME: the id of that process, or failure.
pid() {
	local pid
	{ read -r pid <"$run/$1.pid"; } 2>/dev/null && ours "$pid" && echo "$pid"
}

# stop_one NAME: ends that process and waits until it is gone.
stop_one() {
	local pid
	if pid=$(pid "$1"); then
		kill "$pid"
		while ours "$pid"; do sleep 0.01; done
	fi
	rm -f "$run/$1.pid"
}

start() {
	local service
	start_program
	for service in "$@"; do start_service "$service"; done
}

stop() {
	local service
	for service in "$@"; do stop_one "$service"; done
	for service in "${all[@]}"; do
		if pid "$service" >/dev/null; then return 0; fi
	done
	stop_one services
}

[ $# -gt 0 ] || set -- "${all[@]}"
PATH=$PATH:/usr/sbin
case $action in
start) start "$@" ;;
stop) stop "$@" ;;
restart) stop "$@"; start "$@" ;;
*) usage ;;
esac
