# What the toolchain files of this folder share: clang and the C libraries of many systems, in one program, `zig`, from
# the package `ziglang` of PyPI. The environment says in ECG2LAB_ZIG where it is; the file that includes this one sets
# `zig_target`. Its C++ library is linked statically.
if(NOT DEFINED ENV{ECG2LAB_ZIG})
  message(FATAL_ERROR "ECG2LAB_ZIG is not set: the program zig of the Python package ziglang")
endif()
set(zig $ENV{ECG2LAB_ZIG})
set(CMAKE_C_COMPILER ${zig} cc -target ${zig_target})
set(CMAKE_CXX_COMPILER ${zig} c++ -target ${zig_target})
# A rule, because CMAKE_AR holds a program without arguments.
foreach(language C CXX)
  set(CMAKE_${language}_ARCHIVE_CREATE "\"${zig}\" ar qc <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "\"${zig}\" ar q <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "\"${zig}\" ranlib <TARGET>")
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE NEVER)
