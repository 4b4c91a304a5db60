# libecg2lab, shared and static, and what a program needs to find it: headers, CMake package, pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(c_sources
  src/c/ecg2lab.cpp
  src/c/status.cpp
  src/c/description.cpp
  src/c/inputs.cpp
  src/c/loaded_model.cpp
  src/c/codes.cpp
  src/c/opened_stream.cpp
  src/c/prepared.cpp
  src/c/result.cpp
  src/c/said.cpp
  src/c/selftest_report.cpp
  src/c/structs.cpp
  src/model.cpp
  src/selftest.cpp
  src/stream.cpp)

if(ECG2LAB_BUILD_SHARED)
  list(APPEND kinds SHARED)
endif()
if(ECG2LAB_BUILD_STATIC)
  list(APPEND kinds STATIC)
endif()
if(NOT kinds)
  message(FATAL_ERROR "ECG2LAB_BUILD_SHARED and ECG2LAB_BUILD_STATIC are both OFF: there is no library to build.")
endif()

foreach(kind ${kinds})
  string(TOLOWER ${kind} suffix)
  set(library ecg2lab_${suffix})
  add_library(${library} ${kind} ${c_sources} $<TARGET_OBJECTS:ecg2lab_core>)
  target_include_directories(${library}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE src)
  target_compile_definitions(${library} PRIVATE ECG2LAB_BUILDING ECG2LAB_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${library} PRIVATE Threads::Threads)
  ecg2lab_warnings(${library})
  list(APPEND libraries ${library})
endforeach()

# What a program that is linked as C has to name besides: the libraries that the C++ compiler adds by itself.
set(of_cpp ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(FILTER of_cpp INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|unwind|m|atomic)$")
list(REMOVE_DUPLICATES of_cpp)
list(TRANSFORM of_cpp PREPEND -l OUTPUT_VARIABLE private_libraries)
list(JOIN private_libraries " " private_libraries)
set(private_libraries "${private_libraries} ${CMAKE_THREAD_LIBS_INIT}")
if(UNIX AND NOT APPLE AND NOT private_libraries MATCHES "pthread")
  set(private_libraries "${private_libraries} -pthread")  # a part of the C library from glibc 2.34 on alone
endif()

if(ECG2LAB_BUILD_STATIC)
  target_compile_definitions(ecg2lab_static PUBLIC ECG2LAB_STATIC)
  target_link_libraries(ecg2lab_static INTERFACE $<$<LINK_LANGUAGE:C>:${of_cpp}>)
  # On Windows it would otherwise have the name of the shared one's import library.
  set_target_properties(ecg2lab_static PROPERTIES EXPORT_NAME static
    OUTPUT_NAME $<IF:$<BOOL:${WIN32}>,ecg2lab_static,ecg2lab>)
  add_library(ecg2lab::static ALIAS ecg2lab_static)
endif()

if(ECG2LAB_BUILD_SHARED)
  # The name that the loader asks for changes only with what a program was compiled against; the file's own says which
  # functions and fields it has.
  file(STRINGS include/ecg2lab.h abi_line REGEX "^#define ECG2LAB_ABI_VERSION ")
  string(REGEX MATCH "[0-9]+$" abi_version "${abi_line}")
  set_target_properties(ecg2lab_shared PROPERTIES OUTPUT_NAME ecg2lab EXPORT_NAME ecg2lab
    SOVERSION 1 VERSION 1.${abi_version})
  add_library(ecg2lab::ecg2lab ALIAS ecg2lab_shared)
  if(WIN32)
    # ecg2lab.dll and ecg2lab.lib, the names that Microsoft's linker expects and all others find.
    set_target_properties(ecg2lab_shared PROPERTIES PREFIX "" IMPORT_PREFIX "" IMPORT_SUFFIX .lib)
    enable_language(RC)
    configure_file(src/c/version.rc.in version.rc @ONLY)
    target_sources(ecg2lab_shared PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/version.rc)
  endif()
  # Self-contained, so that it cannot clash with the program's own C++ library, and only our names are visible.
  if(UNIX AND NOT APPLE)
    set(map ${CMAKE_CURRENT_SOURCE_DIR}/cmake/ecg2lab.map)
    target_link_options(ecg2lab_shared PRIVATE -static-libstdc++ -static-libgcc -Wl,--version-script=${map}
                                               -Wl,--no-undefined)
    set_target_properties(ecg2lab_shared PROPERTIES LINK_DEPENDS ${map})
  elseif(MINGW AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_link_options(ecg2lab_shared PRIVATE -static)  # zig links its C++ library so anyway
  endif()
else()
  add_library(ecg2lab::ecg2lab ALIAS ecg2lab_static)
endif()

# Programs that sanitizers watch, or whose lines are counted; none is installed.
if(ECG2LAB_SANITIZE OR ECG2LAB_COVERAGE)
  enable_language(C)
  add_executable(callers tests/callers.cpp)
  add_executable(failing_allocations tests/failing_allocations.cpp)
  add_executable(mistakes tests/mistakes.c)
  add_executable(cart examples/cart.c)
  add_executable(wrapper tests/wrapper.cpp)
  foreach(program callers failing_allocations mistakes cart wrapper)
    target_link_libraries(${program} PRIVATE ecg2lab_static Threads::Threads)
    set_target_properties(${program} PROPERTIES LINKER_LANGUAGE CXX C_STANDARD 99)
    ecg2lab_warnings(${program})
  endforeach()
endif()

if(NOT CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  return()
endif()
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/ecg2lab)
install(FILES include/ecg2lab.h include/ecg2lab.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ../LICENSE ../NOTICE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/ecg2lab)
install(TARGETS ${libraries} EXPORT ecg2labTargets)
install(EXPORT ecg2labTargets NAMESPACE ecg2lab:: DESTINATION ${package})
configure_package_config_file(cmake/ecg2labConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfigVersion.cmake
  DESTINATION ${package})
# Relative, so that the installed folder may be moved.
file(RELATIVE_PATH include_from_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
set(library_name ecg2lab)
if(NOT ECG2LAB_BUILD_SHARED)
  set(always_libraries " ${private_libraries}")
  if(WIN32)
    set(library_name ecg2lab_static)
    set(always_flags " -DECG2LAB_STATIC")
  endif()
endif()
configure_file(cmake/ecg2lab.pc.in ecg2lab.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ecg2lab.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
