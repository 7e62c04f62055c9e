#!/usr/bin/env bash
# Compiler launcher: ccache, with the paths of this checkout written relative to the build folder, so that all checkouts
# of the project share what any of them has compiled (CMake names precompiled headers by absolute paths, through
# options that ccache does not look into).
#   ccache.sh SOURCE_DIR COMPILER ARGUMENT...
source_dir=$1
shift
up=$(realpath --relative-to="$PWD" "$source_dir")
# Precompiled headers need the sloppiness to be cached.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1
exec ccache "${@//"$source_dir/"/"$up/"}"
