#!/bin/sh
# Boots a machine in namespaces of its own, on a copy of this machine's files.
#
#   booted.sh NAME INIT HEARTBEAT DIRECTORY [KEPT|DEVICE=NAME]...
#
# INIT: `systemd`, or `sh` for a process 1 that only collects orphans.
# HEARTBEAT: `debian` for the package of this machine, without a configuration; `none` for a machine that never had it
# nor what it needs; `bare` for one that does not have resource-agents either.
# DIRECTORY: its disk, on which it boots again.
# KEPT: a directory of this machine that is seen there, read-only. DEVICE=NAME: a device that is called /dev/NAME there.
set -eu
name=$1 init=$2 heartbeat=$3 place=$4
shift 4

mount --make-rprivate /
first=no
[ -d "$place/upper" ] || first=yes
mkdir -p "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root"
root=$place/root

# The kernel's settings belong to the whole machine, except those of the network.
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind "/proc/sys/net" "$root/proc/sys/net" 2>/dev/null || true
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for directory in run tmp dev; do
	mount -t tmpfs tmpfs "$root/$directory"
done
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/run/lock"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
for kept; do
	case $kept in
	*=*)
		# Not a mount, which `umount /dev/NAME` would undo.
		cp -a "${kept%%=*}" "$root/dev/${kept#*=}"
		;;
	*)
		mkdir -p "$root/$kept"
		mount --bind "$kept" "$root/$kept"
		mount -o remount,bind,ro "$root/$kept"
		;;
	esac
done

# Removes the files of packages, and the directories that only they had.
without() {
	dpkg -L "$@" 2>/dev/null | grep '^/' | sort -ru | while read -r path; do
		if [ -d "$root$path" ]; then
			rmdir "$root$path" 2>/dev/null || true
		else
			rm -f "$root$path"
		fi
	done
}

hostname "$name"
if [ "$first" = yes ]; then
	echo "$name" >"$root/etc/hostname"
	: >"$root/etc/fstab"
	: >"$root/etc/machine-id"
	rm -rf "$root/var/log/journal" "$root/var/lib/heartbeat"
	# The configuration of this machine is no part of the package.
	rm -f "$root/etc/ha.d/ha.cf" "$root/etc/ha.d/haresources" "$root/etc/ha.d/authkeys" "$root/etc/ha.d/hbcore.cf"
	case $heartbeat in
	debian) mkdir "$root/var/lib/heartbeat" ;;
	*)
		without heartbeat libheartbeat2 libheartbeat2-dev libplumbgpl2 liblrm2 libstonith1 cluster-glue \
			libcluster-glue-dev drbd-utils
		# An agent of resource-agents needs these libraries.
		[ "$heartbeat" = none ] || without resource-agents libplumb2 libpils2
		rm -rf "$root/etc/ha.d/rc.d" "$root/etc/ha.d/resource.d"
		sed -i '/^hacluster:/d; /^haclient:/d' "$root/etc/passwd" "$root/etc/group" "$root/etc/shadow" "$root/etc/gshadow"
		;;
	esac
fi

mkdir "$root/tmp/old"
cd "$root"
pivot_root . tmp/old
umount -l /tmp/old
path=/usr/sbin:/usr/bin:/sbin:/bin
case $init in
systemd)
	exec env -i container=test PATH=$path /lib/systemd/systemd --show-status=false systemd.unit=basic.target
	;;
sh)
	ip link set lo up
	for entry in /usr/lib/tmpfiles.d/heartbeat.conf /usr/lib/tmpfiles.d/resource-agents.conf; do
		[ ! -e "$entry" ] || systemd-tmpfiles --create "$entry" || true
	done
	: >/run/booted
	exec env -i PATH=$path sh -c 'sleep infinity & wait' </dev/null >/dev/null 2>&1
	;;
esac
