/* Results and prepared recordings of freed models: they hold no threads and no weights, and what they show is whole. */
#define _GNU_SOURCE
#include "common.h"
#include <malloc.h>
enum { MODELS = 6 };
int main(void) {
  ecg2lab_recording r = recording(), odd = recording(); ecg2lab_result *answers[MODELS], *refusals[MODELS]; ecg2lab_prepared* halves[MODELS]; ecg2lab_stream* streams[MODELS];
  char* json[MODELS]; char name[200], notice[400]; size_t weights = 0, kept; int i; double p = 0;
  const int threads = status_number("Threads");
  mallopt(M_ARENA_MAX, 1); mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ecg2lab_free(load(1)); /* what stays for good, such as tables, is there now */
  { ecg2lab_model* m = load(1); ecg2lab_result* q = NULL; ecg2lab_predict(m, &r, NULL, &q); ecg2lab_result_free(q); ecg2lab_free(m); }
  odd.sampling_rate_hz = 10;
  for (i = 0; i < MODELS; ++i) {
    const size_t before = mallinfo2().uordblks;
    ecg2lab_model* m = load(3);
    check("predict", ecg2lab_predict(m, &r, NULL, &answers[i]) == ECG2LAB_OK);
    check("refuse", ecg2lab_predict(m, &odd, NULL, &refusals[i]) == ECG2LAB_ERROR_RECORDING);
    json[i] = strdup(ecg2lab_result_json(answers[i]));
    weights = mallinfo2().uordblks - before;
    check("prepare", ecg2lab_prepare(m, &r, NULL, &halves[i]) == ECG2LAB_OK);
    snprintf(name, sizeof name, "%s", ecg2lab_describe(m)->name); snprintf(notice, sizeof notice, "%s", ecg2lab_describe(m)->notice);
    p = answers[i]->findings[0]->probability;
    ecg2lab_free(m);
    check("threads", status_number("Threads") == threads);
    kept = mallinfo2().uordblks - before;
    printf("model and results %d KiB, kept %d KiB\n", (int)(weights / 1024), (int)(kept / 1024));
  }
  for (i = 0; i < MODELS; ++i) {
    float logits[4096] = {0}, features[4096] = {0}; ecg2lab_output output; ecg2lab_result* decided = NULL; char* again;
    check("name", strcmp(answers[i]->model_name, name) == 0 && strcmp(answers[i]->notice, notice) == 0 && strlen(answers[i]->bundle_digest) == 64);
    check("target", strlen(answers[i]->findings[0]->target->name) > 0 && answers[i]->findings[0]->probability == p);
    check("lead", strcmp(answers[i]->leads[0]->name, "I") == 0);
    check("JSON", strcmp(ecg2lab_result_json(answers[i]), json[i]) == 0);
    check("JSON of a refusal", strstr(ecg2lab_result_json(refusals[i]), "sampling rate") != NULL);
    ecg2lab_output_init(&output, sizeof output);
    output.logits = logits; output.features = features;
    output.logit_count = halves[i]->window_count * answers[i]->finding_count;
    check("too few", ecg2lab_decide(halves[i], &output, &decided) == ECG2LAB_ERROR_ARGUMENT);
    output.features = NULL;
    check("without features", ecg2lab_decide(halves[i], &output, &decided) == ECG2LAB_ERROR_ARGUMENT || decided != NULL);
    again = decided ? strdup(ecg2lab_result_json(decided)) : NULL;
    check("a host decided", again == NULL || strstr(again, "\"host\"") != NULL);
    free(again); ecg2lab_result_free(decided);
    ecg2lab_prepared_free(halves[i]); ecg2lab_result_free(answers[i]); ecg2lab_result_free(refusals[i]); free(json[i]);
  }
  for (i = 0; i < MODELS; ++i) { ecg2lab_model* m = load(2); check("open", ecg2lab_stream_open(m, &r, NULL, NULL, &streams[i]) == ECG2LAB_OK); ecg2lab_free(m); }
  check("a stream has its model's threads", status_number("Threads") == threads + MODELS);
  for (i = 0; i < MODELS; ++i) {
    ecg2lab_result* q = NULL;
    ecg2lab_stream_push(streams[i], ecg, 5000);
    check("a stream outlives its model", ecg2lab_stream_next(streams[i], &q) == ECG2LAB_OK && q != NULL);
    ecg2lab_stream_free(streams[i]);
    check("a result outlives its stream", q->finding_count > 0 && strlen(ecg2lab_result_json(q)) > 100);
    ecg2lab_result_free(q);
  }
  check("threads at the end", status_number("Threads") == threads);
  return wrong;
}
