#!/bin/sh
# Boots each PVH guest under QEMU without KVM, and compares its last words and exit status.
#
#   check-pvh.sh GUESTS_DIR

set -eu
guests=$1

# expect MACHINE PROGRAM COMMAND_LINE CODE
expect() {
  status=0
  output=$(timeout 60 qemu-system-x86_64 -accel tcg -M "$1" -m 256M -nodefaults -no-reboot \
    -display none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
    -kernel "$guests/$2.elf" -append "$3" </dev/null) || status=$?
  # QEMU's isa-debug-exit turns the guest's code into an odd exit status.
  if [ "$status" -ne $(($4 * 2 + 1)) ]; then
    echo "$1 $2 '$3': QEMU ended with $status, expected $(($4 * 2 + 1)): $output" >&2
    exit 1
  fi
  case $output in
    *"torpor-guest: exit $4"*) echo "$1 $2 '$3': exit $4" ;;
    *) echo "$1 $2 '$3': no line about exit $4 in: $output" >&2; exit 1 ;;
  esac
}

for machine in microvm q35; do
  expect $machine page-writer 'console=ttyS0 r9=3 rsi=0x100000 quiet' 0
  expect $machine page-writer 'r9=1' 0
  expect $machine page-writer 'rsi=4095' 2
  expect $machine doorbell-echo 'rdx=1000' 0
  expect $machine spin 'rdx=0xffff rdi=0x800000' 0
  expect $machine memory-check 'r8=2000 rsi=0x80000' 0
  expect $machine memory-check 'rdx=0x40 rsi=0x20000' 2
done
