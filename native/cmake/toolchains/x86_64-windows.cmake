# 64-bit Windows, with the names and the C interface of MinGW. Not by GCC: for Windows it puts 32-byte vectors on a stack
# that is aligned to 16 bytes (its bug 54412), and AVX2 kernels crash.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(zig_target x86_64-windows-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
set(CMAKE_RC_COMPILER ${zig})
set(CMAKE_RC_COMPILE_OBJECT "<CMAKE_RC_COMPILER> rc /:output-format coff /:target x64 -- <SOURCE> <OBJECT>")
