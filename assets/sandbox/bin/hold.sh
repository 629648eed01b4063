#!/bin/sh
# Keeps the mounts of one host's fault in a namespace of their own; everything is gone when this process is.
# Usage: unshare … hold.sh full HOME SCRATCH BYTES | hold.sh wrong-python STUB INTERPRETER…
# Prints "ready" once the mounts stand.

kind=$1
shift
case $kind in
full)
    home=$1 scratch=$2 bytes=$3
    # What is on the disk stays readable; every write goes to a disk that has only so many bytes left.
    mount -t tmpfs -o "size=$bytes,mode=700" sandbox-full "$scratch" || exit 1
    mkdir "$scratch/upper" "$scratch/work" || exit 1
    layers="lowerdir=$home,upperdir=$scratch/upper,workdir=$scratch/work"
    # Without userxattr only a real root may; with it only kernels from 5.11 on can.
    mount -t overlay -o "$layers,userxattr" sandbox-full "$home" 2>/dev/null ||
        mount -t overlay -o "$layers" sandbox-full "$home" || exit 1
    ;;
wrong-python)
    stub=$1
    shift
    for interpreter in "$@"; do
        mount --bind "$stub" "$interpreter" || exit 1
    done
    ;;
*)
    exit 2
    ;;
esac
echo ready
exec sleep 2147483647
