// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** What is known of a patient; null is not known. */
public final class Patient {
  private Sex sex;
  private Race race;
  private Double age;
  private Double respiratoryPerMin;
  private Double spo2Percent;
  private Double diastolicMmhg;
  private Double systolicMmhg;
  private Double heartRateBpm;
  private Double temperatureC;
  private Double temperatureF;
  private Double heightCm;
  private Double weightKg;
  private Double bmi;

  public Patient sex(Sex value) {
    sex = value;
    return this;
  }

  public Patient race(Race value) {
    race = value;
    return this;
  }

  public Patient age(Double value) {
    age = value;
    return this;
  }

  public Patient respiratoryPerMin(Double value) {
    respiratoryPerMin = value;
    return this;
  }

  public Patient spo2Percent(Double value) {
    spo2Percent = value;
    return this;
  }

  public Patient diastolicMmhg(Double value) {
    diastolicMmhg = value;
    return this;
  }

  public Patient systolicMmhg(Double value) {
    systolicMmhg = value;
    return this;
  }

  public Patient heartRateBpm(Double value) {
    heartRateBpm = value;
    return this;
  }

  public Patient temperatureC(Double value) {
    temperatureC = value;
    return this;
  }

  public Patient temperatureF(Double value) {
    temperatureF = value;
    return this;
  }

  public Patient heightCm(Double value) {
    heightCm = value;
    return this;
  }

  public Patient weightKg(Double value) {
    weightKg = value;
    return this;
  }

  public Patient bmi(Double value) {
    bmi = value;
    return this;
  }

  /** A number by its name in ecg2lab.h, such as {@code spo2_percent}; false: there is no such. */
  public boolean trySet(String name, Double value) {
    switch (name) {
      case "age":
        age = value;
        return true;
      case "respiratory_per_min":
        respiratoryPerMin = value;
        return true;
      case "spo2_percent":
        spo2Percent = value;
        return true;
      case "diastolic_mmhg":
        diastolicMmhg = value;
        return true;
      case "systolic_mmhg":
        systolicMmhg = value;
        return true;
      case "heart_rate_bpm":
        heartRateBpm = value;
        return true;
      case "temperature_c":
        temperatureC = value;
        return true;
      case "temperature_f":
        temperatureF = value;
        return true;
      case "height_cm":
        heightCm = value;
        return true;
      case "weight_kg":
        weightKg = value;
        return true;
      case "bmi":
        bmi = value;
        return true;
      default:
        return false;
    }
  }

  Declarations.Patient copy() {
    Declarations.Patient to = new Declarations.Patient();
    Library.check(Library.CALLS.ecg2lab_patient_init(to, new Size(to.size())));
    to.sex = (sex == null ? Sex.UNKNOWN : sex).code;
    to.race = (race == null ? Race.UNKNOWN : race).code;
    to.age = age == null ? Double.NaN : age;
    to.respiratory_per_min = respiratoryPerMin == null ? Double.NaN : respiratoryPerMin;
    to.spo2_percent = spo2Percent == null ? Double.NaN : spo2Percent;
    to.diastolic_mmhg = diastolicMmhg == null ? Double.NaN : diastolicMmhg;
    to.systolic_mmhg = systolicMmhg == null ? Double.NaN : systolicMmhg;
    to.heart_rate_bpm = heartRateBpm == null ? Double.NaN : heartRateBpm;
    to.temperature_c = temperatureC == null ? Double.NaN : temperatureC;
    to.temperature_f = temperatureF == null ? Double.NaN : temperatureF;
    to.height_cm = heightCm == null ? Double.NaN : heightCm;
    to.weight_kg = weightKg == null ? Double.NaN : weightKg;
    to.bmi = bmi == null ? Double.NaN : bmi;
    return to;
  }
}
