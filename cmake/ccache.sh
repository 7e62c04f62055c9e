#!/usr/bin/env bash
# Compiler launcher: ccache such that all checkouts of the project share what any of them has compiled.
#   ccache.sh SOURCE_DIR COMPILER ARGUMENT...
# Paths of the checkout are written relative to the build folder. A precompiled header holds absolute paths, so each
# build folder makes its own; what ccache hashes in its place (CCACHE_PCH_EXTSUM) is what it was made from.
set -eu
source_dir=$1
shift
up=$(realpath --relative-to="$PWD" "$source_dir")
arguments=("${@//"$source_dir/"/"$up/"}")

after() {  # after OPTION: the argument that follows it
    local i
    for ((i = 0; i < ${#arguments[@]} - 1; ++i)); do
        [ "${arguments[i]}" != "$1" ] || printf '%s' "${arguments[i + 1]}"
    done
}

depfile=$(after -MF)
if [[ " $* " == *" -emit-pch "* ]]; then
    "${arguments[@]}"
    {
        printf '%s\n' "${arguments[@]}"
        sed -e '1s/^[^:]*://' -e 's/\\$//' "$depfile" | xargs cat
    } | sha256sum > "$(after -o).sum"
    exit
fi
CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1 \
    CCACHE_PCH_EXTSUM=1 ccache "${arguments[@]}"
# The inputs of the precompiled header of the checkout that compiled it first; ninja knows ours by CMake.
[ -z "$depfile" ] || sed -i -E 's#(^| )/[^ ]*/(cmake_pch\.hxx(\.cxx)?|pch_[a-z_]+\.hpp)( |$)#\1\4#' "$depfile"
