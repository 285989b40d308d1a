#!/bin/sh
# Boots systemd as process 1 of namespaces of its own, on a copy of this machine's files that is lost at the end.
#
#   boot.sh NAME HEARTBEAT DIRECTORY KEPT...
#
# HEARTBEAT: `none`, or `debian` for the package of this machine, without a configuration.
# KEPT: directories of this machine that are seen there, read-only.
set -eu
name=$1 heartbeat=$2 place=$3
shift 3

mount --make-rprivate /
mount -t tmpfs tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
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
mkdir "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
for kept; do
	mkdir -p "$root/$kept"
	mount --bind "$kept" "$root/$kept"
	mount -o remount,bind,ro "$root/$kept"
done

hostname "$name"
echo "$name" >"$root/etc/hostname"
: >"$root/etc/fstab"
: >"$root/etc/machine-id"
rm -rf "$root/var/lib/heartbeat" "$root/var/log/journal"
mkdir "$root/var/lib/heartbeat"
case $heartbeat in
debian)
	rm -f "$root/etc/ha.d/ha.cf" "$root/etc/ha.d/haresources" "$root/etc/ha.d/authkeys"
	;;
none)
	rm -rf "$root/etc/ha.d" "$root/usr/libexec/heartbeat" "$root/etc/init.d/heartbeat"
	rm -f "$root/lib/systemd/system/heartbeat.service"
	mkdir "$root/etc/ha.d"
	;;
esac

mkdir "$root/tmp/old"
cd "$root"
pivot_root . tmp/old
umount -l /tmp/old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --show-status=false systemd.unit=basic.target
