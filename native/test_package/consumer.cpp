// What consumer.c does, in C++.
#include <cstdio>
#include <ecg2lab.hpp>

int main() {
  try {
    const auto model = ecg2lab::Model::load("absent.ecg2lab");
  } catch (const ecg2lab::Error& error) {
    std::printf("ecg2lab %s in C++: %s\n", ecg2lab::version(), error.what());
    return error.status() == ECG2LAB_ERROR_BUNDLE ? 0 : 2;
  }
  return 1;
}
