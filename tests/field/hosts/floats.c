/* Every call under every floating-point environment that a host may have: the same bits, and the environment as it was. The log
 * callback runs in the host's. */
#define _GNU_SOURCE
#include "common.h"
#include <fenv.h>
#if defined(__SSE__)
#include <xmmintrin.h>
enum { FLUSH = 0x8040 };
static unsigned long control(void) { return _mm_getcsr(); }
static void flush(void) { _mm_setcsr(_mm_getcsr() | FLUSH); }
#elif defined(__aarch64__)
static unsigned long control(void) { unsigned long w, f; __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(w), "=r"(f)); return w | f << 32; }
static void flush(void) { unsigned long w = control() | 1ul << 24; __asm__ volatile("msr fpcr, %0" : : "r"(w)); }
#elif defined(__arm__)
static unsigned long control(void) { unsigned w; __asm__ volatile("vmrs %0, fpscr" : "=r"(w)); return w & 0x0fffffffu; /* not the flags of comparisons */ }
static void flush(void) { unsigned w = (unsigned)control() | 1u << 24; __asm__ volatile("vmsr fpscr, %0" : : "r"(w)); }
#else
static unsigned long control(void) { return (unsigned long)fegetround(); }
static void flush(void) {}
#endif
enum { FINDINGS = 512, CASES = 8 };
static unsigned long outside;
static int logged;
static void on_log(void* u, int32_t level, const char* text) { (void)u; (void)level; (void)text; ++logged; check("the callback's environment", control() == outside); }
static void enter(int number) {
  static const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  feclearexcept(FE_ALL_EXCEPT);
  if (number < 4) fesetround(rounding[number]);
#ifdef __GLIBC__
  if (number == 4) feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
  if (number == 5) feenableexcept(FE_ALL_EXCEPT);
#endif
  if (number >= 6) flush();
  if (number == 7) { fesetround(FE_UPWARD); feraiseexcept(FE_DIVBYZERO); }
  outside = control();
}
static void leave(void) { fenv_t* usual = (fenv_t*)FE_DFL_ENV; check("the host's environment", control() == outside); fesetenv(usual); }
static size_t take(const ecg2lab_result* q, double* said, size_t count) {
  size_t i;
  for (i = 0; q != NULL && i < q->finding_count && count < FINDINGS; ++i) said[count++] = q->findings[i]->probability;
  return count;
}
static size_t ask(int number, double* said) {
  ecg2lab_recording r = recording(); ecg2lab_options o; ecg2lab_model* m = NULL; ecg2lab_stream* s = NULL; ecg2lab_result *q = NULL, *refused = NULL;
  ecg2lab_prepared* p = NULL; size_t count = 0, json;
  ecg2lab_options_init(&o, sizeof o); o.threads = 1 + (size_t)number % 3; o.log = on_log;
  enter(number);
  check("load", ecg2lab_load(DEMO, &o, &m) == ECG2LAB_OK);
  check("predict", ecg2lab_predict(m, &r, NULL, &q) == ECG2LAB_OK);
  json = strlen(ecg2lab_result_json(q));
  r.sample_count = 100;
  check("refuse", ecg2lab_predict(m, &r, NULL, &refused) == ECG2LAB_ERROR_RECORDING);
  r.sample_count = 5000;
  check("prepare", ecg2lab_prepare(m, &r, NULL, &p) == ECG2LAB_OK);
  check("open", ecg2lab_stream_open(m, &r, NULL, NULL, &s) == ECG2LAB_OK);
  check("push", ecg2lab_stream_push(s, ecg, 5000) == ECG2LAB_OK);
  ecg2lab_stream_finish(s);
  leave();
  count = take(q, said, count);
  if (count < FINDINGS) said[count++] = (double)json;
  said[count++] = p->signal[777];
  ecg2lab_result_free(q);
  enter(number);
  check("next", ecg2lab_stream_next(s, &q) == ECG2LAB_OK);
  ecg2lab_stream_describe(s);
  leave();
  count = take(q, said, count);
  ecg2lab_result_free(q); ecg2lab_result_free(refused); ecg2lab_prepared_free(p); ecg2lab_stream_free(s); ecg2lab_free(m);
  return count;
}
int main(void) {
  static double usual[FINDINGS + 1], now[FINDINGS + 1];
  const size_t count = ask(0, usual);
  int number;
  check("findings", count > 3);
  for (number = 1; number < CASES; ++number) {
    char what[40];
    snprintf(what, sizeof what, "environment %d", number);
    check(what, ask(number, now) == count && memcmp(usual, now, count * sizeof now[0]) == 0);
  }
  check("log lines", logged == 2 * CASES);
  return wrong;
}
