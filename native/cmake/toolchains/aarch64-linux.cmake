# 64-bit Arm Linux with glibc 2.28 or newer: JetPack 5 and 6. Debian's own cross compiler links to its glibc 2.36.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(zig_target aarch64-linux-gnu.2.28)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
# zig takes names of CPUs only, with what they have more.
set(ECG2LAB_ARMV8_WITH -mcpu=generic+)
set(ECG2LAB_ARMV8_2_WITH -mcpu=generic+)
