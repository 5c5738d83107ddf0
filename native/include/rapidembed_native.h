/* The C interface of rapidembed-native: BERT and its kin on a CPU, on packed token streams.
 *
 * No function throws, starts a thread or keeps a lock; memory that a model is made of belongs to the caller and must
 * outlive it. Pointers must be aligned to their element; packed matrices to 64 bytes. Sizes are in elements unless
 * they are called bytes. README.md shows a whole program.
 */
#ifndef RAPIDEMBED_NATIVE_H
#define RAPIDEMBED_NATIVE_H

#include <stdint.h>

#if defined(_WIN32)
#define RN_API __declspec(dllexport)
#else
#define RN_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change of this file that a caller must know of. */
#define RN_ABI_VERSION 3
/* Raised with every change of what rn_pack writes; packed files of another version must be made again. The layout is
 * the same for all instruction sets. */
#define RN_PACK_VERSION 1

typedef enum rn_status {
  RN_OK = 0,
  RN_BAD_ARGUMENT = 1,
  RN_OUT_OF_MEMORY = 2,
  RN_CANCELLED = 3,
  RN_UNSUPPORTED = 4
} rn_status;

/* What went wrong, in words; written only where the status says that something did. */
typedef struct rn_message {
  char text[256];
} rn_message;

/* Instruction sets, each of which has all that is in those before it. */
typedef enum rn_isa {
  RN_SCALAR = 0,      /* plain C++, on any processor: slow, the reference of all others */
  RN_AVX2 = 1,        /* with FMA: float32 fast, the others as RN_SCALAR */
  RN_AVX512_VNNI = 2, /* integers fast too; bfloat16 only within attention, and emulated */
  RN_AVX512_BF16 = 3, /* all fast */
  RN_AMX = 4          /* integers and bfloat16 in tiles */
} rn_isa;

typedef enum rn_precision { RN_INT8 = 0, RN_BF16 = 1, RN_FP32 = 2 } rn_precision;

typedef enum rn_activation { RN_IDENTITY = 0, RN_GELU = 1, RN_GELU_TANH = 2, RN_RELU = 3, RN_SILU = 4 } rn_activation;

/* What a call gives back for each text. */
typedef enum rn_output {
  RN_TOKENS = 0, /* the last hidden state: a row for each token, text after text */
  RN_FIRST = 1,  /* that of the first token */
  RN_LAST = 2,   /* that of the last token */
  RN_MEAN = 3,   /* over its tokens */
  RN_MAX = 4     /* the largest of each channel */
} rn_output;

/* A part of a matrix: consecutive outputs. */
typedef struct rn_part {
  const void* weights; /* float32 (outputs, width); RN_INT8: int8 (width, outputs) */
  const float* scales; /* RN_INT8: what an integer is worth, (outputs,) */
  const float* bias;   /* (outputs,), or NULL */
  int64_t outputs;
  float factor; /* multiplies what the part computes, bias included */
} rn_part;

typedef enum rn_arrangement {
  RN_SIDE_BY_SIDE = 0,
  RN_GATED = 1 /* two parts of equal size, the gate first: activation(first) * second is what comes out */
} rn_arrangement;

/* A packed matrix: memory that rn_pack wrote, which may since have been in a file. */
typedef struct rn_matrix {
  const void* memory; /* NULL: there is no such matrix */
  uint64_t bytes;
} rn_matrix;

typedef struct rn_norm {
  const float* weight; /* NULL: there is no such norm */
  const float* bias;   /* or NULL */
} rn_norm;

/* One layer: attention, a norm, two matrices with an activation between them, a norm. */
typedef struct rn_layer {
  rn_matrix qkv;  /* queries, keys and values; the queries' factor holds log2(e) * the scale of the scores */
  rn_matrix out;  /* behind attention */
  rn_matrix up;   /* widens; RN_GATED where the model is gated */
  rn_matrix down; /* and back */
  rn_norm middle; /* between attention and the matrices */
  rn_norm last;   /* behind the matrices; where prenorm is set, the norm that the next layer begins with */
  const float* qkv_multipliers; /* RN_INT8: of the channels that qkv reads, before they are rounded; or NULL */
  const float* up_multipliers;  /* the same of up */
  int32_t rotary;               /* which angles turn queries and keys; -1: none do */
  int32_t reach;                /* how many positions a token sees to either side; 0: all */
} rn_layer;

typedef struct rn_rotary {
  const float* cos; /* (positions, head_width / 2) */
  const float* sin;
  int64_t positions;
} rn_rotary;

/* A whole encoder. All fields that are not wanted are 0 or NULL. */
typedef struct rn_description {
  uint32_t bytes; /* sizeof(rn_description) */
  int32_t precision;
  int32_t isa; /* an instruction set that this processor has */
  int32_t hidden, heads, head_width, intermediate, layers;
  int32_t embedding; /* width of the embeddings */
  int32_t vocabulary, types;
  int32_t positions; /* rows of position_table; 0: there is none */
  int32_t padding;   /* positions are counted from the one behind it, over other tokens only; -1: from 0 */
  int32_t activation;
  int32_t gated;
  int32_t prenorm; /* norms stand before what they prepare, and the residual stream is not normalized */
  float epsilon;
  const float* words;          /* (vocabulary, embedding) */
  const float* position_table; /* (positions, embedding) */
  const float* type_table;     /* (types, embedding) */
  rn_norm embedding_norm;
  rn_matrix projection; /* from embedding to hidden */
  const float* projection_multipliers;
  const float* bias; /* added to scores by head and distance, (heads, 2 * bias_reach + 1), key minus query from
                        -bias_reach on, times log2(e); or NULL */
  int64_t bias_reach;
  const rn_rotary* rotary;
  int32_t rotary_count;
  const rn_layer* layer; /* layers of them */
} rn_description;

typedef struct rn_model rn_model;
typedef struct rn_job rn_job;

/* What is to be encoded; must outlive the call or job. */
typedef struct rn_call {
  uint32_t bytes; /* sizeof(rn_call) */
  int32_t output;
  const int32_t* ids;     /* tokens of all texts, one behind the other */
  const int32_t* types;   /* of each token; NULL: 0 */
  const int64_t* offsets; /* (texts + 1,): where each text begins in ids */
  const int32_t* spans;   /* (texts, 2): tokens of each text that are pooled, from and to; NULL: all */
  const int32_t* seen;    /* (texts,): how many tokens of each, from its first on, any token sees; NULL: all */
  int64_t texts;
  float* out;            /* (texts, hidden), or (tokens, hidden) counted from offsets[0] */
  const int32_t* cancel; /* the call ends soon after this has become other than 0; may be NULL */
  int64_t chunk;         /* tokens that are computed at a time; 0: what is best */
} rn_call;

RN_API int32_t rn_abi_version(void);
RN_API int32_t rn_pack_version(void);
/* The best instruction set that this processor and system offer, that this library was built for. */
RN_API int32_t rn_best_isa(void);
/* 1 where rn_best_isa has it too. */
RN_API int32_t rn_has_isa(int32_t isa);

/* Bytes that rn_pack fills. */
RN_API int32_t rn_packed_bytes(int32_t precision, int64_t outputs, int64_t width, uint64_t* bytes);
/* Lay a matrix out. zero is the integer that stands for zero in the activations, see rn_zero. */
RN_API int32_t rn_pack(int32_t precision, int32_t arrangement, const rn_part* parts, int32_t count, int64_t width,
                       int32_t zero, void* memory, uint64_t bytes, rn_message* message);
/* The integer that stands for zero in what follows an activation, or in any other activations (RN_IDENTITY). */
RN_API int32_t rn_zero(int32_t activation, int32_t gated);

RN_API int32_t rn_model_create(const rn_description* description, rn_model** model, rn_message* message);
RN_API void rn_model_destroy(rn_model* model);
/* Bytes that a model holds beyond what belongs to the caller: vectors, and memory that calls will use again. */
RN_API uint64_t rn_model_bytes(const rn_model* model);

/* Encode on the calling thread. Any number of threads may do so at a time. */
RN_API int32_t rn_encode(const rn_model* model, const rn_call* call, rn_message* message);

/* Encode with several threads: all that enter rn_job_work share the work and leave when it is done. The results are
 * those of rn_encode, bit for bit. Nobody waits for a thread that has not come. */
RN_API int32_t rn_job_open(const rn_model* model, const rn_call* call, int32_t workers, rn_job** job,
                           rn_message* message);
RN_API int32_t rn_job_work(rn_job* job);
/* After all threads have left. */
RN_API void rn_job_close(rn_job* job);

/* activation(x @ matrix + bias) of float32 (rows, width) -> (rows, outputs) with a packed matrix. Not of a RN_GATED
 * one. multipliers as in rn_layer. */
RN_API int32_t rn_dense(int32_t isa, const rn_matrix* matrix, int32_t activation, const float* multipliers,
                        const float* x, int64_t rows, float* out, rn_message* message);

/* Billions of operations a second that one core does with operands in registers; 0 where the processor cannot. */
RN_API double rn_roof(int32_t isa, int32_t precision);

#ifdef __cplusplus
}
#endif

#endif
