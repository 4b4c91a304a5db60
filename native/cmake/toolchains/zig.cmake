# What the toolchain files of this folder share: clang and the C libraries of many systems, in one program, `zig`, from
# the package `ziglang` of PyPI. The environment says in ECG2LAB_ZIG where it is; the file that includes this one sets
# `zig_target`. Its C++ library is linked statically.
if(NOT DEFINED ENV{ECG2LAB_ZIG})
  message(FATAL_ERROR "ECG2LAB_ZIG is not set: the program zig of the Python package ziglang")
endif()
set(zig $ENV{ECG2LAB_ZIG})
set(CMAKE_C_COMPILER ${zig} cc -target ${zig_target})
set(CMAKE_CXX_COMPILER ${zig} c++ -target ${zig_target})
# CMake wants a program without arguments; whatever `ar` the system has may not know the objects of another machine.
foreach(tool ar ranlib)
  string(TOUPPER ${tool} variable)
  set(CMAKE_${variable} ${CMAKE_BINARY_DIR}/zig-${tool})
  file(WRITE ${CMAKE_${variable}} "#!/bin/sh\nexec \"${zig}\" ${tool} \"$@\"\n")
  file(CHMOD ${CMAKE_${variable}} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE NEVER)
