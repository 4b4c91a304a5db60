/* The few calls of ONNX Runtime that cart_gpu.c makes, for a host that has the library of the wheel: a wheel brings no
 * header. Where the release archive lies, compile with the onnxruntime_c_api.h in it, and not with this one.
 *
 * OrtApi is a table of calls that only grows at its end: each has the place here that it has there, and `unused` fills
 * the places of all others. The version is that of ONNX Runtime 1.12, whose table has them all; later libraries give
 * tables of earlier versions, too. For 64-bit machines, where calls are made alike. */
#ifndef ONNXRUNTIME_C_API_FEW_H
#define ONNXRUNTIME_C_API_FEW_H

#include <stddef.h>
#include <stdint.h>

#define ORT_API_VERSION 12

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtValue OrtValue;
typedef struct OrtCUDAProviderOptionsV2 OrtCUDAProviderOptionsV2;

typedef enum OrtLoggingLevel { ORT_LOGGING_LEVEL_ERROR = 3 } OrtLoggingLevel;
enum OrtAllocatorType { OrtDeviceAllocator = 0 };
enum OrtMemType { OrtMemTypeDefault = 0 };
typedef enum ONNXTensorElementDataType {
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 = 7
} ONNXTensorElementDataType;

typedef struct OrtApi {
  void* unused_0[2];
  const char* (*GetErrorMessage)(const OrtStatus* status);
  OrtStatus* (*CreateEnv)(OrtLoggingLevel level, const char* name, OrtEnv** env);
  void* unused_4[4];
  OrtStatus* (*CreateSessionFromArray)(const OrtEnv* env, const void* model, size_t bytes,
                                       const OrtSessionOptions* options, OrtSession** session);
  OrtStatus* (*Run)(OrtSession* session, const OrtRunOptions* options, const char* const* input_names,
                    const OrtValue* const* inputs, size_t input_count, const char* const* output_names,
                    size_t output_count, OrtValue** outputs);
  OrtStatus* (*CreateSessionOptions)(OrtSessionOptions** options);
  void* unused_11[13];
  OrtStatus* (*SetIntraOpNumThreads)(OrtSessionOptions* options, int threads);
  void* unused_25[24];
  OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo* memory, void* data, size_t bytes,
                                               const int64_t* shape, size_t rank, ONNXTensorElementDataType type,
                                               OrtValue** value);
  void* unused_50[1];
  OrtStatus* (*GetTensorMutableData)(OrtValue* value, void** data);
  void* unused_52[17];
  OrtStatus* (*CreateCpuMemoryInfo)(enum OrtAllocatorType allocator, enum OrtMemType type, OrtMemoryInfo** memory);
  void* unused_70[22];
  void (*ReleaseEnv)(OrtEnv* env);
  void (*ReleaseStatus)(OrtStatus* status);
  void (*ReleaseMemoryInfo)(OrtMemoryInfo* memory);
  void (*ReleaseSession)(OrtSession* session);
  void (*ReleaseValue)(OrtValue* value);
  void* unused_97[3];
  void (*ReleaseSessionOptions)(OrtSessionOptions* options);
  void* unused_101[103];
  OrtStatus* (*SessionOptionsAppendExecutionProvider_CUDA_V2)(OrtSessionOptions* options,
                                                              const OrtCUDAProviderOptionsV2* cuda);
  OrtStatus* (*CreateCUDAProviderOptions)(OrtCUDAProviderOptionsV2** cuda);
  OrtStatus* (*UpdateCUDAProviderOptions)(OrtCUDAProviderOptionsV2* cuda, const char* const* keys,
                                          const char* const* values, size_t count);
  void* unused_207[1];
  void (*ReleaseCUDAProviderOptions)(OrtCUDAProviderOptionsV2* cuda);
  void* unused_209[7];
  OrtStatus* (*SessionOptionsAppendExecutionProvider)(OrtSessionOptions* options, const char* provider,
                                                      const char* const* keys, const char* const* values, size_t count);
} OrtApi;

typedef struct OrtApiBase {
  const OrtApi* (*GetApi)(uint32_t version); /* NULL: the library is older */
  const char* (*GetVersionString)(void);
} OrtApiBase;

#endif
