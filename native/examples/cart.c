/* What an ECG cart does with ecg2lab: a recording from a file, the findings on the screen.
 *
 *   cc -std=c99 cart.c $(pkg-config --cflags --libs ecg2lab) -o cart
 *   ./cart model.ecg2lab record.csv
 *
 * record.csv says what it is before it gives numbers; an empty cell or "nan" is a missing sample:
 *
 *   sampling_rate_hz,500
 *   unit,mV                      uV, mV or V
 *   age,63                       any fact about the patient, by its name in ecg2lab_patient
 *   sex,female
 *   I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6
 *   0.012,0.045,…                one line for each sample
 *
 * Exit status: 0 answered, 1 refused, 2 misused.
 */
#include <ecg2lab.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LEADS = 64, LONGEST_LINE = 8192 };

typedef struct record {
  char names[LONGEST_LINE]; /* the line of lead names, cut into words */
  const char* leads[MOST_LEADS];
  size_t lead_count;
  double* samples; /* one sample of every lead after another */
  size_t sample_count;
  size_t capacity; /* in numbers */
  double sampling_rate_hz;
  int32_t unit;
  ecg2lab_patient patient;
} record;

/* ---- Words ---- */

typedef struct word_code {
  const char* word;
  int32_t code;
} word_code;

static const word_code units[] = {{"uV", ECG2LAB_MICROVOLT}, {"mV", ECG2LAB_MILLIVOLT}, {"V", ECG2LAB_VOLT}, {NULL, 0}};
static const word_code sexes[] = {{"female", ECG2LAB_FEMALE}, {"male", ECG2LAB_MALE}, {NULL, 0}};
static const word_code races[] = {{"asian", ECG2LAB_ASIAN}, {"black", ECG2LAB_BLACK}, {"hispanic", ECG2LAB_HISPANIC},
                                  {"other", ECG2LAB_OTHER}, {"white", ECG2LAB_WHITE}, {NULL, 0}};

static int find_code(const word_code* table, const char* word, int32_t* code) {
  for (; table->word != NULL; ++table) {
    if (strcmp(table->word, word) == 0) {
      *code = table->code;
      return 1;
    }
  }
  return 0;
}

/* Where a fact that is a number stands; NULL if there is none of that name. */
static double* find_number(ecg2lab_patient* patient, const char* name) {
  const struct {
    const char* name;
    double* value;
  } facts[] = {{"age", &patient->age},
               {"respiratory_per_min", &patient->respiratory_per_min},
               {"spo2_percent", &patient->spo2_percent},
               {"diastolic_mmhg", &patient->diastolic_mmhg},
               {"systolic_mmhg", &patient->systolic_mmhg},
               {"heart_rate_bpm", &patient->heart_rate_bpm},
               {"temperature_c", &patient->temperature_c},
               {"temperature_f", &patient->temperature_f},
               {"height_cm", &patient->height_cm},
               {"weight_kg", &patient->weight_kg},
               {"bmi", &patient->bmi}};
  size_t i;
  for (i = 0; i < sizeof facts / sizeof facts[0]; ++i) {
    if (strcmp(facts[i].name, name) == 0) return facts[i].value;
  }
  return NULL;
}

/* ---- The file ---- */

static int parse_number(const char* cell, double* number) {
  char* end;
  if (*cell == '\0') {
    *number = NAN;
    return 1;
  }
  *number = strtod(cell, &end);
  return end != cell && *end == '\0';
}

/* Cuts a line at its commas, in place; returns how many cells it has. */
static size_t split(char* line, const char** cells, size_t most) {
  size_t count = 0;
  char* at = line;
  line[strcspn(line, "\r\n")] = '\0';
  for (;;) {
    char* comma = strchr(at, ',');
    if (count < most) cells[count] = at;
    ++count;
    if (comma == NULL) return count;
    *comma = '\0';
    at = comma + 1;
  }
}

/* A line before the lead names. Returns 0 if it is none. */
static int read_fact(record* r, const char* name, const char* value) {
  double* number = find_number(&r->patient, name);
  if (strcmp(name, "sampling_rate_hz") == 0) return parse_number(value, &r->sampling_rate_hz);
  if (strcmp(name, "unit") == 0) return find_code(units, value, &r->unit);
  if (strcmp(name, "sex") == 0) return find_code(sexes, value, &r->patient.sex);
  if (strcmp(name, "race") == 0) return find_code(races, value, &r->patient.race);
  return number != NULL && parse_number(value, number);
}

static int read_samples(record* r, const char** cells) {
  size_t lead;
  if ((r->sample_count + 1) * r->lead_count > r->capacity) {
    const size_t capacity = 2 * (r->capacity + r->lead_count);
    double* larger = realloc(r->samples, capacity * sizeof *larger);
    if (larger == NULL) return 0;
    r->samples = larger;
    r->capacity = capacity;
  }
  for (lead = 0; lead < r->lead_count; ++lead) {
    if (!parse_number(cells[lead], &r->samples[r->sample_count * r->lead_count + lead])) return 0;
  }
  ++r->sample_count;
  return 1;
}

/* Returns the number of the line that is wrong; 0 if none is. */
static size_t read_record(FILE* file, record* r) {
  char line[LONGEST_LINE];
  const char* cells[MOST_LEADS];
  size_t number = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    size_t count;
    char copy[LONGEST_LINE];
    ++number;
    memcpy(copy, line, sizeof line);
    count = split(line, cells, MOST_LEADS);
    if (count > MOST_LEADS) return number;
    if (r->lead_count > 0) {
      if (count != r->lead_count || !read_samples(r, cells)) return number;
    } else if (count != 2 || !read_fact(r, cells[0], cells[1])) {
      memcpy(r->names, copy, sizeof copy);
      r->lead_count = split(r->names, r->leads, MOST_LEADS);
    }
  }
  return 0;
}

/* ---- The answer ---- */

/* What may be said of a target, and how far to trust it. */
static void print_verdict(const ecg2lab_finding* finding) {
  const ecg2lab_operating_point* point = finding->operating_point;
  switch (finding->verdict) {
    case ECG2LAB_FLAGGED:
      if (point != NULL && point->ppv.value >= 0) { /* neither unknown nor NaN */
        printf("flagged: %g %% of such flags are right\n", 100 * point->ppv.value);
      } else {
        printf("flagged: how often such a flag is right is not stated\n");
      }
      break;
    case ECG2LAB_NOT_FLAGGED:
      printf("not flagged\n");
      break;
    case ECG2LAB_UNSURE:
      printf("unsure: %s\n", finding->reason);
      break;
    case ECG2LAB_OUTSIDE_EXPERIENCE:
      printf("outside experience: %s\n", finding->reason);
      break;
    default:
      printf("no decision: %s\n", finding->reason != NULL ? finding->reason : "unknown to this program");
  }
}

static void print_findings(const ecg2lab_result* result) {
  size_t i;
  printf("%s (%s)\n", result->model_name, result->notice);
  for (i = 0; i < result->finding_count; ++i) {
    const ecg2lab_finding* finding = result->findings[i];
    printf("%-32s %.6f  ", finding->target->name, finding->probability);
    print_verdict(finding);
  }
  for (i = 0; i < result->imputed_count; ++i) {
    const ecg2lab_imputed* imputed = result->imputed[i];
    if (imputed->word != NULL) {
      printf("not given: %s, taken as %s\n", imputed->name, imputed->word);
    } else {
      printf("not given: %s, taken as %g\n", imputed->name, imputed->number);
    }
  }
  printf("quality: %s\n", ecg2lab_quality_name(result->quality));
  for (i = 0; i < result->fault_count; ++i) printf("  %s\n", result->faults[i]->message);
  printf("%u windows of %.3g s; %.3g s at the end not used\n", (unsigned)result->window_count,
         result->window_count > 0 ? (result->duration_s - result->unused_s) / (double)result->window_count : 0,
         result->unused_s);
}

/* Which electrodes to look at. */
static void print_leads(const ecg2lab_result* result) {
  size_t i;
  for (i = 0; i < result->lead_count; ++i) {
    fprintf(stderr, "%-4s %s\n", result->leads[i]->name, ecg2lab_lead_verdict_name(result->leads[i]->verdict));
  }
}

static int answer(const ecg2lab_model* model, const record* r) {
  ecg2lab_recording recording;
  ecg2lab_result* result = NULL;
  ecg2lab_status status;

  ecg2lab_recording_init(&recording, sizeof recording);
  recording.samples = r->samples;
  recording.sample_type = ECG2LAB_DOUBLE;
  recording.unit = r->unit;
  recording.leads = r->leads;
  recording.lead_count = r->lead_count;
  recording.sample_count = r->sample_count;
  recording.sampling_rate_hz = r->sampling_rate_hz;
  recording.lead_stride = 1;
  recording.sample_stride = r->lead_count;
  recording.buffer_bytes = r->capacity * sizeof *r->samples;

  status = ecg2lab_predict(model, &recording, &r->patient, &result);
  if (status == ECG2LAB_OK) {
    print_findings(result);
  } else {
    fprintf(stderr, "%s: %s\n", ecg2lab_status_name(status), ecg2lab_last_error());
    if (result != NULL) print_leads(result);
  }
  ecg2lab_result_free(result);
  return status == ECG2LAB_OK ? 0 : 1;
}

int main(int argc, char** argv) {
  static record r; /* too large for a small stack */
  ecg2lab_model* model = NULL;
  size_t wrong_line;
  int exit_status;
  FILE* file;

  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL RECORD.csv\n", argc > 0 ? argv[0] : "cart");
    return 2;
  }
  file = fopen(argv[2], "r");
  if (file == NULL) {
    fprintf(stderr, "cannot read %s\n", argv[2]);
    return 2;
  }
  ecg2lab_patient_init(&r.patient, sizeof r.patient);
  wrong_line = read_record(file, &r);
  fclose(file);
  if (wrong_line > 0) {
    fprintf(stderr, "%s: line %lu is not understood\n", argv[2], (unsigned long)wrong_line);
    free(r.samples);
    return 2;
  }
  if (ecg2lab_load(argv[1], NULL, &model) != ECG2LAB_OK) {
    fprintf(stderr, "%s\n", ecg2lab_last_error());
    free(r.samples);
    return 1;
  }
  exit_status = answer(model, &r);
  ecg2lab_free(model);
  free(r.samples);
  return exit_status;
}
