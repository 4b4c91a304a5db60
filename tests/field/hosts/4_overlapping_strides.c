/* 8 interleaved leads with the strides swapped (8, 1 in place of 1, 8): leads share samples, which no layout has.
 * Expected: ECG2LAB_ERROR_ARGUMENT. Was: ECG2LAB_OK and a probability of nonsense, with quality warnings only. */
#include "common.h"
int main(void) { static const char* const L8[] = {"I","II","V1","V2","V3","V4","V5","V6"}; static const int from[] = {0,1,6,7,8,9,10,11};
  static double mixed[40000]; ecg2lab_recording r = recording(); ecg2lab_model* m = load(1); ecg2lab_result* q = NULL; int t, l, k;
  for (t = 0; t < 5000; ++t) for (l = 0; l < 8; ++l) mixed[t * 8 + l] = ecg[from[l] * 5000 + t];
  r.samples = mixed; r.leads = L8; r.lead_count = 8; r.sample_count = 4900;
  for (k = 0; k < 2; ++k) { ecg2lab_status s; r.lead_stride = k ? 8 : 1; r.sample_stride = k ? 1 : 8;
    s = ecg2lab_predict(m, &r, NULL, &q);
    printf("strides %d, %d: %s", (int)r.lead_stride, (int)r.sample_stride, ecg2lab_status_name(s));
    if (q) printf(", %s %.4f, %d faults\n", q->findings[0]->target->name, q->findings[0]->probability, (int)q->fault_count);
    else printf(" [%s]\n", ecg2lab_last_error());
    ecg2lab_result_free(q); }
  return 0; }
