"""Conan 2 recipe of the C library: `conan create native` in a checkout."""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class Ecg2Lab(ConanFile):
    name = "ecg2lab"
    description = "Laboratory abnormalities estimated from an ECG. Research software, not for clinical use."
    license = "Apache-2.0"
    topics = ("ecg", "medical", "inference")
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    def set_version(self) -> None:
        """The one version, that of the Python package."""
        project = (Path(self.recipe_folder) / ".." / "pyproject.toml").read_text(encoding="utf-8")
        self.version = re.search(r'^version = "(.*)"$', project, re.MULTILINE)[1]

    def export_sources(self) -> None:
        """As in the checkout: the recipe's folder, and what its CMakeLists.txt reads beside it."""
        here, to = Path(self.recipe_folder), Path(self.export_sources_folder)
        for part in ("CMakeLists.txt", "cmake/*", "include/*", "src/*"):
            copy(self, part, here, to / "native")
        for file in ("pyproject.toml", "LICENSE", "NOTICE"):
            copy(self, file, here.parent, to)

    def layout(self) -> None:
        cmake_layout(self, src_folder="native")

    def configure(self) -> None:
        """The build asks for C++20 itself, and its headers for less: a profile of C++17 gets the same library."""
        self.settings.rm_safe("compiler.cppstd")

    def generate(self) -> None:
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["ECG2LAB_BUILD_SHARED"] = bool(self.options.shared)
        toolchain.cache_variables["ECG2LAB_BUILD_STATIC"] = not self.options.shared
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self) -> None:
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self) -> None:
        CMake(self).install()
        for file in ("LICENSE", "NOTICE"):
            copy(self, file, Path(self.source_folder).parent, Path(self.package_folder) / "licenses")

    def package_info(self) -> None:
        """The names of the CMake package and the pkg-config file that the library installs by itself."""
        self.cpp_info.set_property("cmake_file_name", "ecg2lab")
        self.cpp_info.set_property("cmake_target_name", "ecg2lab::ecg2lab")
        self.cpp_info.set_property("pkg_config_name", "ecg2lab")
        windows = self.settings.os == "Windows"
        self.cpp_info.libs = ["ecg2lab_static" if windows and not self.options.shared else "ecg2lab"]
        if not self.options.shared:
            self.cpp_info.defines = ["ECG2LAB_STATIC"]
            if self.settings.os in ("Linux", "FreeBSD"):
                self.cpp_info.system_libs = ["m", "pthread"]
