# What makes a hole harder to use, wherever compiler and linker have it: guarded stacks, checked copies, addresses that
# cannot be foreseen, tables that are read-only once loaded, and jumps that only reach where the compiler meant them to.
# tests/native/test_hardening.py reads it from the binaries.
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)

function(ecg2lab_compile_with flag)
  string(MAKE_C_IDENTIFIER "ECG2LAB_HAS${flag}" has)
  set(CMAKE_REQUIRED_FLAGS -Werror)  # a flag that says that it is of no use here is not one that the compiler has
  check_cxx_compiler_flag(${flag} ${has})
  if(${has})
    add_compile_options(${flag})
  endif()
endfunction()

function(ecg2lab_link_with flag)
  string(MAKE_C_IDENTIFIER "ECG2LAB_LINKS${flag}" has)
  check_linker_flag(CXX ${flag} ${has})
  if(${has})
    add_link_options(${flag})
  endif()
endfunction()

if(MSVC)
  add_compile_options(/guard:cf)
  add_link_options(/guard:cf /DYNAMICBASE /NXCOMPAT $<$<EQUAL:${CMAKE_SIZEOF_VOID_P},8>:/HIGHENTROPYVA>)
else()
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
    ecg2lab_compile_with(${flag})
  endforeach()
  # Of no use without optimisation, and in the way of sanitizers, which replace the same functions. A compiler that sets
  # it by itself would warn of a second definition.
  if(NOT ECG2LAB_SANITIZE AND NOT ECG2LAB_COVERAGE)
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  if(WIN32)
    set(linked -Wl,--dynamicbase -Wl,--nxcompat -Wl,--high-entropy-va)
  else()
    set(linked -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
  endif()
  foreach(flag ${linked})
    ecg2lab_link_with(${flag})
  endforeach()
endif()
