/* Calls the library: the header's version is there, and what is missing is refused in words. */
#include <ecg2lab.h>
#include <stdio.h>

int main(void) {
  ecg2lab_model* model = NULL;
  if (ecg2lab_abi_version() < ECG2LAB_ABI_VERSION) return 1;
  if (ecg2lab_load("absent.ecg2lab", NULL, &model) != ECG2LAB_ERROR_BUNDLE) return 2;
  printf("ecg2lab %s: %s\n", ecg2lab_version(), ecg2lab_last_error());
  return 0;
}
