#!/bin/sh
# The start of a guest, before it can be used. `name`, `addresses` and `modules` come from the command line of its
# kernel.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
hostname "$name"

mkdir -p /guest/share /lib/modules /mnt/data
mount --bind "$modules" /lib/modules
for module in virtio_net virtio_blk crc32c_generic ext4 drbd; do
    modprobe "$module"
done

# Directories that survive a power cut: one of the machine that runs the test, and a disk, because the former cannot
# contain a FIFO.
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,access=any share /guest/share
cp -a /guest/share/etc/. /etc/
mount --bind /guest/share/log /var/log
mount -t ext4 /dev/vdb /var/lib/heartbeat

# The directories that Debian's packages make at boot.
for directory in lock drbd resource-agents heartbeat/ccm heartbeat/crm heartbeat/dopd heartbeat/rsctmp; do
    mkdir -p "/run/$directory"
done
chown -R hacluster:haclient /run/heartbeat

ip link set lo up
card=0
for address in $(echo "$addresses" | tr , ' '); do
    ip address add "$address" broadcast + dev "eth$card"
    ip link set "eth$card" up
    card=$((card + 1))
done

# The service at the moving address. It does not run in the directory of the disk, which could not be unmounted then.
/guest/busybox httpd -h /mnt
