/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The C interface: one analog layer behind an opaque handle. Functions that can fail return a status; the text of the last
 * error of the calling thread is kept until its next call. Arrays are float32, C-contiguous, owned by the caller and not
 * kept. A handle may be used by several threads at once for everything but imperfect_layer_free.
 */
#ifndef IMPERFECT_H
#define IMPERFECT_H

#include <stddef.h>
#include <stdint.h>

#if defined(IMPERFECT_STATIC)
#define IMPERFECT_API
#elif defined(_WIN32)
#if defined(IMPERFECT_BUILDING)
#define IMPERFECT_API __declspec(dllexport)
#else
#define IMPERFECT_API __declspec(dllimport)
#endif
#else
#define IMPERFECT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imperfect_layer imperfect_layer;

typedef enum imperfect_status {
  IMPERFECT_OK = 0,
  IMPERFECT_INVALID = 1,   /* an argument was refused; the text says which and why */
  IMPERFECT_NO_MEMORY = 2, /* memory could not be had */
  IMPERFECT_INTERNAL = 3   /* a defect of the library */
} imperfect_status;

typedef enum imperfect_scheme { IMPERFECT_DIFFERENTIAL = 0, IMPERFECT_OFFSET = 1 } imperfect_scheme;

typedef enum imperfect_partition { IMPERFECT_PARTITION_EQUAL = 0, IMPERFECT_PARTITION_FILL = 1 } imperfect_partition;

typedef enum imperfect_law {
  IMPERFECT_LAW_NONE = 0,
  IMPERFECT_LAW_GAUSSIAN = 1,        /* g + sigma z */
  IMPERFECT_LAW_PROPORTIONAL = 2,    /* g (1 + sigma z) */
  IMPERFECT_LAW_LOGNORMAL = 3,       /* g exp(sigma z - sigma^2/2) */
  IMPERFECT_LAW_UNIFORM = 4,         /* g + width (u - 1/2) */
  IMPERFECT_LAW_WEIGHT_GAUSSIAN = 5, /* sigma of the weight range, on recombined weights */
  IMPERFECT_LAW_TABLE = 6            /* g + sigma(g) z, interpolated from table_g, table_sigma */
} imperfect_law;

typedef enum imperfect_adc_range {
  IMPERFECT_ADC_FULL = 0,
  IMPERFECT_ADC_CALIBRATED = 1,
  IMPERFECT_ADC_LOSSLESS = 2,
  IMPERFECT_ADC_EXPLICIT = 3
} imperfect_adc_range;

/* Side of the drivers, then side of the grounded ends of the bit lines. */
typedef enum imperfect_corner {
  IMPERFECT_CORNER_LEFT_BOTTOM = 0,
  IMPERFECT_CORNER_LEFT_TOP = 1,
  IMPERFECT_CORNER_RIGHT_BOTTOM = 2,
  IMPERFECT_CORNER_RIGHT_TOP = 3
} imperfect_corner;

typedef enum imperfect_drift {
  IMPERFECT_DRIFT_NONE = 0,
  IMPERFECT_DRIFT_POWER = 1, /* g ((t + t0)/t0)^-|nu + nu_sigma z| */
  IMPERFECT_DRIFT_PCM = 2,   /* phase-change memory, t counted from 20 s after programming; no parameters */
  IMPERFECT_DRIFT_TABLE = 3  /* measured means and deviations, up to the last time */
} imperfect_drift;

typedef enum imperfect_compensation {
  IMPERFECT_COMPENSATION_NONE = 0,
  IMPERFECT_COMPENSATION_LAYER = 1, /* outputs are scaled to their mean magnitude on the calibration data, together */
  IMPERFECT_COMPENSATION_COLUMN = 2 /* or each on its own; both need imperfect_layer_calibrate */
} imperfect_compensation;

/* Shape and hardware of a layer. Fill it by imperfect_default_options first: that is an ideal 1 x 1 linear layer. Pairs are
 * (vertical, horizontal). 0 bits, rows or cols mean ideal or unlimited; sigmas are relative to the largest conductance.
 * Choices are stored as int32_t, so that the layout does not depend on the compiler's enums. */
typedef struct imperfect_options {
  size_t struct_size; /* set by imperfect_default_options; lets later versions add fields at the end */

  int32_t in_channels, out_channels, groups;
  int32_t kernel[2], stride[2], dilation[2], pad_begin[2], pad_end[2];

  int32_t weight_bits;
  int32_t scheme;           /* imperfect_scheme */
  int32_t two_sided;        /* flag: continuous differential pairs around the middle */
  int32_t subtract_digital; /* flag: convert each polarity of a pair, then subtract */
  int32_t unit_column;      /* flag: offset removed by a column of the array */
  int32_t per_channel;      /* flag: a weight range for each output */
  int32_t block_diagonal;   /* flag: groups share arrays */
  double weight_range;      /* 0: max|W| */
  double weight_percentile; /* 0: none; else the range is this percentile, above 50 */

  int32_t cell_bits;
  double on_off_ratio;
  double g_min_sigma, g_max_sigma;
  int32_t programming;      /* imperfect_law */
  double programming_sigma; /* or the width of IMPERFECT_LAW_UNIFORM */
  const double *table_g, *table_sigma;
  size_t table_size;
  double p_stuck_on, p_stuck_off;

  int32_t array_rows, array_cols;
  int32_t partition; /* imperfect_partition */

  int32_t dac_bits, dac_slice_bits;
  int32_t dac_signed; /* 1, 0, or -1: decided by calibration */
  int32_t dac_two_pass, dac_accumulate_analog;
  double dac_range; /* full scale of the input; 0: decided by calibration */

  int32_t adc_bits;
  int32_t adc_range;        /* imperfect_adc_range */
  double adc_low, adc_high; /* of IMPERFECT_ADC_EXPLICIT, in unit currents */
  double adc_percentile;    /* 0: calibrate by least squares; else by this percentile, above 50 */

  int32_t read_noise;        /* imperfect_law: none, Gaussian or proportional */
  double read_noise_sigma;   /* as a fraction of g_max, or of the conductance itself */
  int32_t read_noise_shared; /* 1: a cell's draw is the same in all cycles of a product */

  uint64_t seed, layer_id; /* key of every draw */
  int32_t num_threads;     /* of a forward pass; 0: the default of OpenMP */
  int32_t fixed16;         /* 1: products of one-bit inputs with cells rounded to 16-bit integers */

  int32_t drift;              /* imperfect_drift: what imperfect_layer_at does to the cells */
  int32_t drift_compensation; /* imperfect_compensation */
  double drift_nu, drift_nu_sigma;
  double drift_t0;                        /* age of the cells at t = 0, in seconds; 20 by default */
  const double *drift_seconds, *drift_g;  /* of a table: increasing times above 0, increasing g/g_max */
  const double *drift_mean, *drift_sigma; /* [time][g]: what cells programmed to g have become */
  size_t drift_times, drift_points;

  double column_current_max;               /* of a bit line, to both sides, in unit currents; 0: unlimited */
  const double *dac_curve_v, *dac_curve_f; /* a digit meant to drive v drives f(v); from (0, 0) to v = 1 */
  size_t dac_curve_size;                   /* points; 0: f(v) = v */

  int32_t adc_tie_slices;                     /* flag: calibrated ranges are one range times powers of two */
  double adc_gain_sigma;                      /* from converter to converter, relative */
  double adc_offset_sigma;                    /* from converter to converter, in lsb */
  double adc_noise;                           /* of every conversion, in lsb */
  const double *adc_inl_code, *adc_inl_error; /* errors in lsb at increasing codes, the same for all converters */
  size_t adc_inl_size;                        /* points; 0: no nonlinearity */

  double g_max;                      /* siemens; 0: not given. Wires and cell curves need it */
  double r_row, r_col;               /* ohm: of the segment at each cell, on its word line and on its bit line */
  double r_driver, r_sense;          /* ohm: in series with each driver and each grounded end */
  int32_t corner;                    /* imperfect_corner */
  int32_t interleaved;               /* flag: slices and polarities of a weight are neighbours in one array */
  int32_t gated;                     /* flag: word lines without input disconnect their cells; slow with wires */
  double v_read;                     /* volt across a cell at full-scale input; 0: not given. Curves need it */
  const double* curve_g;             /* of a curve I = G V + a2 V^2 + a3 V^3: increasing siemens above 0 */
  const double *curve_a2, *curve_a3; /* A/V^2 and A/V^3 at each G, linear between points */
  size_t curve_size;                 /* points; 0: linear cells */

  int32_t kernel_depth, stride_depth, dilation_depth; /* of convolutions of volumes; 1 for pictures */
  int32_t pad_begin_depth, pad_end_depth;
  int32_t transposed;        /* flag: transposed convolution; strides are those of its output, of which pads are cut off */
  int32_t output_padding[2]; /* of a transposed convolution: added at the end of its output */
  int32_t output_padding_depth;
} imperfect_options;

/* Writes an ideal 1 x 1 linear layer. */
IMPERFECT_API void imperfect_default_options(imperfect_options* options);

/* Makes and programs a layer. weight: out_channels x (in_channels/groups) x kernel, or if transposed in_channels x
 * (out_channels/groups) x kernel, weight_size values; bias: out_channels values, or NULL. On success *layer must be freed by
 * imperfect_layer_free. */
IMPERFECT_API imperfect_status imperfect_layer_create(const imperfect_options* options, const float* weight,
                                                      size_t weight_size, const float* bias, imperfect_layer** layer);

/* Writes all cells again: same seed and write number, same bits. */
IMPERFECT_API imperfect_status imperfect_layer_program(imperfect_layer* layer, uint64_t seed, uint32_t write);

/* Sets the converter ranges that the options leave open, from images x in_channels x height x width inputs. */
IMPERFECT_API imperfect_status imperfect_layer_calibrate(imperfect_layer* layer, const float* x, size_t images,
                                                         int32_t height, int32_t width);

/* Height and width of the output for one input size. */
IMPERFECT_API imperfect_status imperfect_layer_output_size(const imperfect_layer* layer, int32_t height, int32_t width,
                                                           int32_t* output_height, int32_t* output_width);

/* y = layer(x): images x out_channels x output height x output width, y_size values. A linear layer takes height = width = 1.
 */
IMPERFECT_API imperfect_status imperfect_layer_forward(const imperfect_layer* layer, const float* x, size_t images,
                                                       int32_t height, int32_t width, float* y, size_t y_size);

/* The same for images first_sample, first_sample + 1, ... of read number `read`: the key of read noise. */
IMPERFECT_API imperfect_status imperfect_layer_read(const imperfect_layer* layer, uint64_t first_sample, uint64_t read,
                                                    const float* x, size_t images, int32_t height, int32_t width, float* y,
                                                    size_t y_size);

/* The same three for volumes: images x channels x depth x height x width. */
IMPERFECT_API imperfect_status imperfect_layer_calibrate_volumes(imperfect_layer* layer, const float* x, size_t images,
                                                                 int32_t depth, int32_t height, int32_t width);
IMPERFECT_API imperfect_status imperfect_layer_volume_output_size(const imperfect_layer* layer, int32_t depth, int32_t height,
                                                                  int32_t width, int32_t* output_depth,
                                                                  int32_t* output_height, int32_t* output_width);
IMPERFECT_API imperfect_status imperfect_layer_read_volumes(const imperfect_layer* layer, uint64_t first_sample,
                                                            uint64_t read, const float* x, size_t images, int32_t depth,
                                                            int32_t height, int32_t width, float* y, size_t y_size);

/* The same layer `seconds` after its cells were written: another handle, to be freed too, with the same cells drifted;
 * the calibration stays. The first handle does not change. */
IMPERFECT_API imperfect_status imperfect_layer_at(const imperfect_layer* layer, double seconds, imperfect_layer** later);

/* The weights that the programmed cells stand for, in the layout of `weight`. */
IMPERFECT_API imperfect_status imperfect_layer_effective_weight(const imperfect_layer* layer, float* weight,
                                                                size_t weight_size);

/* Frees a layer; NULL is allowed. */
IMPERFECT_API void imperfect_layer_free(imperfect_layer* layer);

/* Text of the calling thread's last error; empty if there was none. Valid until its next call into the library. */
IMPERFECT_API const char* imperfect_last_error(void);

/* "major.minor.patch" of the library, and the SIMD level in use ("" if IMPERFECT_SIMD asks for one it cannot give). */
IMPERFECT_API const char* imperfect_version(void);
IMPERFECT_API const char* imperfect_simd_level(void);

#ifdef __cplusplus
}
#endif

#endif
