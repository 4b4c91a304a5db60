# This machine, if it is 64-bit x86 Linux, with its glibc taken back to 2.28: wheels that carry nothing of its own.
set(zig_target x86_64-linux-gnu.2.28)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
