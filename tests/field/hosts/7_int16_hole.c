/* A hole of 1.2 s in a 30-s stream: NaN in float is interpolated and said. Integers have no NaN: a stand-in that the format names is
 * missing in the same way, of 16 bits and of 32; one that it does not name is a sample as any other. */
#include "common.h"
static void run(const char* what, const ecg2lab_model* m, ecg2lab_recording f, const void* x) { ecg2lab_stream* s = NULL; ecg2lab_result* q = NULL; ecg2lab_stream_options o; int ok = 0, refused = 0; size_t missing;
  ecg2lab_stream_options_init(&o, sizeof o); o.hop_s = 0.5; ecg2lab_stream_open(m, &f, NULL, &o, &s); ecg2lab_stream_push(s, x, 15000); ecg2lab_stream_finish(s);
  missing = ecg2lab_stream_describe(s)->leads[0]->missing_samples;
  while (ecg2lab_stream_next(s, &q), q != NULL) { q->status == ECG2LAB_OK ? ++ok : ++refused; ecg2lab_result_free(q); }
  printf("%s answered %d, refused %d, missing samples counted %d\n", what, ok, refused, (int)missing); ecg2lab_stream_free(s); }
int main(void) { static const char* const L8[] = {"I","II","V1","V2","V3","V4","V5","V6"}; static const int from[] = {0,1,6,7,8,9,10,11};
  static float a[120000]; static int16_t b[120000], c[120000]; static int32_t d[120000]; ecg2lab_recording f = recording(); ecg2lab_model* m = load(1); int t, l;
  for (t = 0; t < 15000; ++t) for (l = 0; l < 8; ++l) { int i = t * 8 + l, hole = t >= 5000 && t < 5600; double uv = 1000 * ecg[from[l] * 5000 + t % 5000];
    a[i] = hole ? NAN : (float)(int16_t)uv; b[i] = hole ? -32768 : (int16_t)uv; c[i] = hole ? 32767 : (int16_t)uv; d[i] = hole ? -8388608 : (int16_t)uv; }
  f.leads = L8; f.lead_count = 8; f.unit = ECG2LAB_MICROVOLT; f.lead_stride = 1; f.sample_stride = 8;
  f.sample_type = ECG2LAB_FLOAT; run("float, NaN:", m, f, a); f.sample_type = ECG2LAB_INT16; run("int16, unnamed:", m, f, b);
  f.has_missing_code = 1; f.missing_code = -32768; run("int16, -32768:", m, f, b); f.missing_code = 32767; run("int16, 32767:", m, f, c);
  f.sample_type = ECG2LAB_INT32; f.missing_code = -8388608; run("int32, -2^23:", m, f, d); return 0; }
