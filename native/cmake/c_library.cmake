# libecg2lab, shared and static, and what a program needs to find it: header, CMake package, pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(c_sources
  src/c/ecg2lab.cpp
  src/c/status.cpp
  src/c/description.cpp
  src/c/inputs.cpp
  src/c/loaded_model.cpp
  src/c/names.cpp
  src/c/opened_stream.cpp
  src/c/prepared.cpp
  src/c/result.cpp
  src/c/structs.cpp
  src/model.cpp
  src/stream.cpp)

foreach(kind SHARED STATIC)
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
target_compile_definitions(ecg2lab_static PUBLIC ECG2LAB_STATIC)
set_target_properties(ecg2lab_shared PROPERTIES OUTPUT_NAME ecg2lab VERSION ${PROJECT_VERSION} SOVERSION 1)
# On Windows the static library would otherwise have the name of the shared one's import library.
set_target_properties(ecg2lab_static PROPERTIES OUTPUT_NAME $<IF:$<BOOL:${WIN32}>,ecg2lab_static,ecg2lab>)
if(WIN32)
  # ecg2lab.dll and ecg2lab.lib, the names that Microsoft's linker expects and all others find.
  set_target_properties(ecg2lab_shared PROPERTIES PREFIX "" IMPORT_PREFIX "" IMPORT_SUFFIX .lib)
endif()
set_target_properties(ecg2lab_shared PROPERTIES EXPORT_NAME ecg2lab)
set_target_properties(ecg2lab_static PROPERTIES EXPORT_NAME static)

# Self-contained, so that it cannot clash with the program's own C++ library, and only our names are visible.
if(UNIX AND NOT APPLE)
  set(map ${CMAKE_CURRENT_SOURCE_DIR}/cmake/ecg2lab.map)
  target_link_options(ecg2lab_shared PRIVATE -static-libstdc++ -static-libgcc -Wl,--version-script=${map}
                                             -Wl,--no-undefined)
  set_target_properties(ecg2lab_shared PROPERTIES LINK_DEPENDS ${map})
elseif(MINGW AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(ecg2lab_shared PRIVATE -static)  # zig links its C++ library so anyway
endif()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/ecg2lab)
install(FILES include/ecg2lab.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${libraries} EXPORT ecg2labTargets)
install(EXPORT ecg2labTargets NAMESPACE ecg2lab:: DESTINATION ${package})
configure_package_config_file(cmake/ecg2labConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/ecg2labConfigVersion.cmake
  DESTINATION ${package})
# Relative, so that the installed folder may be moved.
file(RELATIVE_PATH include_from_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(cmake/ecg2lab.pc.in ecg2lab.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ecg2lab.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Programs that sanitizers watch, or whose lines are counted; none is installed.
if(ECG2LAB_SANITIZE OR ECG2LAB_COVERAGE)
  enable_language(C)
  add_executable(callers tests/callers.cpp)
  add_executable(failing_allocations tests/failing_allocations.cpp)
  add_executable(mistakes tests/mistakes.c)
  add_executable(cart examples/cart.c)
  foreach(program callers failing_allocations mistakes cart)
    target_link_libraries(${program} PRIVATE ecg2lab_static Threads::Threads)
    set_target_properties(${program} PROPERTIES LINKER_LANGUAGE CXX C_STANDARD 99)
    ecg2lab_warnings(${program})
  endforeach()
endif()
