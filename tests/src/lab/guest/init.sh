#!/busybox sh
# Process 1 of a guest from the start of its kernel. The root file system is that of the machine that runs the test,
# read-only, below a layer in memory, which is new at each boot.

/busybox mkdir -p /dev /below /layer
/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do
    /busybox insmod "$module"
done
/busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose root /below
/busybox mount -t tmpfs layer /layer
/busybox mkdir /layer/upper /layer/work /layer/root
/busybox mount -t overlay -o lowerdir=/below,upperdir=/layer/upper,workdir=/layer/work root /layer/root
/busybox mkdir -p /layer/root/guest
/busybox cp /busybox /boot.sh /agent.sh /layer/root/guest
/busybox cp /inittab /layer/root/etc/inittab
exec /busybox switch_root /layer/root /guest/busybox init
