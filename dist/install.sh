#!/bin/sh
# Installs the programs of `cargo build --release -p hbcore-linux`, under the paths of Heartbeat 3.0.6 on Debian.
#
#   dist/install.sh [PROGRAMS]     PROGRAMS: the directory of the programs, target/release by default
#
#   DESTDIR   prefix of every path, for packages; empty by default
#   PREFIX    /usr by default; the units and scripts name /usr
#
# The script never touches files in /etc/ha.d. Stop a running 3.0.6 before, and start heartbeat afterwards.
set -eu

here=$(dirname "$0")
programs=${1:-$here/../target/release}
root=${DESTDIR:-}
prefix=$root${PREFIX:-/usr}

for program in heartbeat hb hb_tool cl_status; do
	if [ ! -x "$programs/$program" ]; then
		echo "$0: $programs/$program is missing; run: cargo build --release -p hbcore-linux" >&2
		exit 1
	fi
done

# Replaces a file in one step, even while the old one runs.
put() {
	mkdir -p "$(dirname "$3")"
	install -m "$1" "$2" "$3.new"
	# Removes the line tables of programs. strip fails for scripts, which is no error.
	strip "$3.new" 2>/dev/null || true
	mv -f "$3.new" "$3"
}

put 755 "$programs/heartbeat" "$prefix/libexec/heartbeat/heartbeat"
put 755 "$programs/hb_tool" "$prefix/libexec/heartbeat/hb_tool"
put 755 "$programs/hb" "$prefix/sbin/hb"
# cl_status has the group that the daemon admits, so that every user may run it. The one of Debian's package works too,
# and stays.
if [ -n "$root" ] || [ ! -e "$prefix/bin/cl_status" ]; then
	put 755 "$programs/cl_status" "$prefix/bin/cl_status"
	if chgrp haclient "$prefix/bin/cl_status" 2>/dev/null; then
		chmod 2555 "$prefix/bin/cl_status"
	fi
fi
mkdir -p "$prefix/share/heartbeat"
for tool in hb_standby hb_takeover hb_addnode hb_delnode hb_setweight hb_setsite mach_down req_resource ResourceManager; do
	ln -sf ../../libexec/heartbeat/hb_tool "$prefix/share/heartbeat/$tool"
done

# The programs of Debian's package do the same, and stay.
for program in ipfail dopd drbd-peer-outdater; do
	target=$prefix/libexec/heartbeat/$program
	if [ -n "$root" ] || [ -L "$target" ] || [ ! -e "$target" ]; then
		ln -sf hb_tool "$target"
	fi
done

put 755 "$here/heartbeat.init" "$root/etc/init.d/heartbeat"
put 644 "$here/heartbeat.service" "$prefix/lib/systemd/system/heartbeat.service"
for sample in ha.cf authkeys haresources; do
	put 644 "$here/$sample" "$prefix/share/doc/heartbeat/$sample"
done

for page in "$here"/man/*; do
	put 644 "$page" "$prefix/share/man/man${page##*.}/$(basename "$page")"
done
ln -sf hb_standby.8 "$prefix/share/man/man8/hb_takeover.8"
put 644 "$here/completions/hb.bash" "$prefix/share/bash-completion/completions/hb"
for name in heartbeat hb_standby hb_takeover; do
	ln -sf hb "$prefix/share/bash-completion/completions/$name"
done
put 644 "$here/completions/_hb" "$prefix/share/zsh/vendor-completions/_hb"
put 644 "$here/completions/hb.fish" "$prefix/share/fish/vendor_completions.d/hb.fish"

mkdir -p "$root/etc/ha.d/resource.d" "$root/etc/ha.d/rc.d" "$root/var/lib/heartbeat/cores/root"
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ ! -e "$root/etc/ha.d/ha.cf" ]; then
	echo "Now make ha.cf, authkeys (mode 600) and haresources in /etc/ha.d; samples are in ${PREFIX:-/usr}/share/doc/heartbeat."
fi
