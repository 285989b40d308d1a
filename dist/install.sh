#!/bin/sh
# Installs the programs of `cargo build --release -p hbcore-linux`, under the paths of Heartbeat 3.0.6 on Debian, with
# everything that a machine without Debian's package lacks: resource scripts, the user, directories.
#
#   dist/install.sh [PROGRAMS]     PROGRAMS: the directory of the programs, target/release by default
#   dist/install.sh --uninstall    removes what the script has installed, and is unchanged since then
#
#   DESTDIR   prefix of every path, for packages; empty by default
#   PREFIX    /usr by default; the units and scripts name /usr
#
# In /etc/ha.d the script only adds resource scripts and functions that are missing, and never changes a file. It may
# run any number of times. Stop a running 3.0.6 before, and start heartbeat afterwards.
set -eu

here=$(dirname "$0")
root=${DESTDIR:-}
usr=${PREFIX:-/usr}
prefix=$root$usr
# The list of everything that was installed: `cksum` of each file, and the target of each link.
list=$prefix/share/heartbeat/installed-by-hbcore

# The line of the list for a path.
entry() {
	if [ -L "$1" ]; then
		echo "link $(readlink "$1") ${1#"$root"}"
	else
		echo "$(cksum <"$1") ${1#"$root"}"
	fi
}

# Whether a path is free, or still holds what this script has put there.
is_ours() {
	{ [ ! -e "$1" ] && [ ! -L "$1" ]; } || { [ -f "$list" ] && grep -Fqx "$(entry "$1")" "$list"; }
}

uninstall() {
	if [ ! -f "$list" ]; then
		echo "$0: nothing to remove: there is no $list" >&2
		exit 1
	fi
	if [ -z "$root" ] && "$prefix/libexec/heartbeat/heartbeat" -s >/dev/null 2>&1; then
		echo "$0: heartbeat runs; stop it first, so that the services move to the other node" >&2
		exit 1
	fi
	if [ -z "$root" ] && [ -d /run/systemd/system ] && is_ours "$prefix/lib/systemd/system/heartbeat.service"; then
		systemctl disable heartbeat.service 2>/dev/null || true
	fi
	while read -r line; do
		path=$root${line##* }
		if [ ! -e "$path" ] && [ ! -L "$path" ]; then
			continue
		elif is_ours "$path"; then
			rm -f "$path"
			# Directories that are empty now. One that is not stays.
			rmdir -p "$(dirname "$path")" 2>/dev/null || true
		else
			echo "$path has changed since it was installed: it stays"
		fi
	done <"$list"
	rm -f "$list"
	for directory in "$prefix/share/heartbeat" "$root/etc/ha.d/rc.d" "$root/etc/ha.d"; do
		rmdir "$directory" 2>/dev/null || true
	done
	if [ -z "$root" ] && [ ! -e /etc/init.d/heartbeat ] && command -v update-rc.d >/dev/null; then
		update-rc.d heartbeat remove
	fi
	if [ -z "$root" ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	fi
	echo "Configuration, state and the user hacluster stay. This brings 3.0.6 back:"
	echo "    apt-get install --reinstall -o Dpkg::Options::=--force-confmiss heartbeat"
}

case ${1-} in
--uninstall)
	uninstall
	exit
	;;
-*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
programs=${1:-$here/../target/release}

for program in heartbeat hb hb_tool cl_status; do
	if [ ! -x "$programs/$program" ]; then
		echo "$0: $programs/$program is missing; run: cargo build --release -p hbcore-linux" >&2
		exit 1
	fi
done

installed=$(mktemp)
trap 'rm -f "$installed"' EXIT

# Replaces a file in one step, even while the old one runs.
put() {
	mkdir -p "$(dirname "$3")"
	install -m "$1" "$2" "$3.new"
	# Removes the line tables of programs. strip fails for scripts, which is no error.
	strip "$3.new" 2>/dev/null || true
	mv -f "$3.new" "$3"
	entry "$3" >>"$installed"
}

# The same for a link.
link() {
	ln -sfn "$1" "$2"
	entry "$2" >>"$installed"
}

# Installs a file unless another one is there, of the site or of a package. Fails if it does not.
offer() {
	is_ours "$3" && put "$1" "$2" "$3"
}

# The user and the group of clients: `respawn hacluster`, `apiauth ... gid=haclient`, cl_status. A package makes them
# from the file in sysusers.d.
put 644 "$here/heartbeat.sysusers" "$prefix/lib/sysusers.d/hbcore.conf"
if [ -z "$root" ]; then
	grep -q '^haclient:' /etc/group || groupadd --system haclient 2>/dev/null || addgroup -S haclient
	grep -q '^hacluster:' /etc/passwd ||
		useradd --system --gid haclient --home-dir /var/lib/heartbeat --no-create-home --shell /usr/sbin/nologin \
			--comment 'Heartbeat System Account' hacluster 2>/dev/null ||
		adduser -S -D -H -h /var/lib/heartbeat -s /sbin/nologin -G haclient hacluster
fi

put 755 "$programs/heartbeat" "$prefix/libexec/heartbeat/heartbeat"
put 755 "$programs/hb_tool" "$prefix/libexec/heartbeat/hb_tool"
put 755 "$programs/hb" "$prefix/sbin/hb"
# cl_status has the group that the daemon admits, so that every user may run it. The one of Debian's package works too,
# and stays.
if offer 755 "$programs/cl_status" "$prefix/bin/cl_status" && chgrp haclient "$prefix/bin/cl_status" 2>/dev/null; then
	chmod 2555 "$prefix/bin/cl_status"
fi
mkdir -p "$prefix/share/heartbeat"
for tool in hb_standby hb_takeover hb_addnode hb_delnode hb_setweight hb_setsite mach_down req_resource ResourceManager; do
	link ../../libexec/heartbeat/hb_tool "$prefix/share/heartbeat/$tool"
done

# The programs of Debian's package do the same, and stay.
for program in ipfail dopd drbd-peer-outdater; do
	target=$prefix/libexec/heartbeat/$program
	if [ -n "$root" ] || [ -L "$target" ] || [ ! -e "$target" ]; then
		link hb_tool "$target"
	fi
done

put 755 "$here/heartbeat.init" "$root/etc/init.d/heartbeat"
put 644 "$here/heartbeat.service" "$prefix/lib/systemd/system/heartbeat.service"
put 644 "$here/heartbeat.tmpfiles" "$prefix/lib/tmpfiles.d/hbcore.conf"
for sample in ha.cf authkeys haresources; do
	put 644 "$here/$sample" "$prefix/share/doc/heartbeat/$sample"
done

for page in "$here"/man/*; do
	put 644 "$page" "$prefix/share/man/man${page##*.}/$(basename "$page")"
done
link hb_standby.8 "$prefix/share/man/man8/hb_takeover.8"
put 644 "$here/completions/hb.bash" "$prefix/share/bash-completion/completions/hb"
for name in heartbeat hb_standby hb_takeover; do
	link hb "$prefix/share/bash-completion/completions/$name"
done
put 644 "$here/completions/_hb" "$prefix/share/zsh/vendor-completions/_hb"
put 644 "$here/completions/hb.fish" "$prefix/share/fish/vendor_completions.d/hb.fish"

# Resource scripts. Each is a file of its own, not a link: dpkg would write its own script through a link.
put 755 "$here/ha.d/ocf-wrapper" "$prefix/share/heartbeat/ocf-wrapper"
etc=$root/etc/ha.d
mkdir -p "$etc/resource.d" "$etc/rc.d"
stub=$(mktemp)
trap 'rm -f "$installed" "$stub"' EXIT
for name in $(sed -n 's/^\([A-Za-z0-9| ]*\)) form=.*/\1/p' "$here/ha.d/ocf-wrapper" | tr -d '|'); do
	printf '#!/bin/sh\nexec %s/share/heartbeat/ocf-wrapper %s "$@"\n' "$usr" "$name" >"$stub"
	offer 755 "$stub" "$etc/resource.d/$name" || true
done
# Packages that bring these are not in the way of ours if they come first.
if [ -n "$root" ] || command -v drbdadm >/dev/null 2>&1; then
	offer 755 "$here/ha.d/drbddisk" "$etc/resource.d/drbddisk" || true
fi
offer 755 "$here/ha.d/harc" "$etc/harc" || true
offer 644 "$here/ha.d/shellfuncs" "$etc/shellfuncs" || true

# A directory that exists stays as it is.
directory() {
	if [ ! -d "$root$4" ]; then
		install -d -m "$1" "$root$4"
		[ -n "$root" ] || chown "$2:$3" "$4"
	fi
}
directory 755 root root /var/lib/heartbeat
directory 755 root root /var/lib/heartbeat/cores
directory 700 root root /var/lib/heartbeat/cores/root
directory 700 hacluster haclient /var/lib/heartbeat/cores/hacluster

mv "$installed" "$list"
chmod 644 "$list"

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemd-tmpfiles --create hbcore.conf
fi
if [ ! -e "$etc/ha.cf" ]; then
	echo "Now make ha.cf, authkeys (mode 600) and haresources in /etc/ha.d; samples are in $usr/share/doc/heartbeat."
fi
