#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# Prints the size of libroost stripped, and without BLAS: the same objects linked into a shared
# library that leaves cblas_* to be found at load time, so that what remains is our own code. Also
# proves that only roost_* is exported and that no BLAS is loaded beside it.
# usage: size.sh LIBROOST LIBROOST_WITHOUT_BLAS
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

stripped_bytes() {
    strip -o "$dir/stripped" "$1"
    stat -c %s "$dir/stripped"
}

all=$(stripped_bytes "$1")
own=$(stripped_bytes "$2")
echo "libroost.so: $all bytes stripped, $own bytes without BLAS"
if [ "$own" -ge $((1024 * 1024)) ]; then
    echo "FAIL: 1 MiB or more without BLAS"
    exit 1
fi
others=$(nm -D --defined-only "$1" | awk '{ print $3 }' | grep -v '^roost_' || true)
if [ -n "$others" ]; then
    echo "FAIL: exported beside roost_*: $others"
    exit 1
fi
if ldd "$1" | grep -i openblas; then
    echo "FAIL: a BLAS is loaded at run time"
    exit 1
fi
echo PASS
