/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The C interface: one analog layer behind an opaque handle.
 *
 * **Errors.** Functions that can fail return a status, and change no layer when they fail; `imperfect_last_error` has the
 * text. No C++ exception leaves the library.
 *
 * **Memory.** Arrays are float32, C-contiguous and the caller's; they are read or written during the call and not kept, and
 * the same holds for the options and what they point to. A handle is the caller's until `imperfect_layer_free`.
 *
 * **Threads.** Any number of threads may use a handle at once: a call computes with the cells and ranges that the layer has
 * when the call begins. Of two threads that program or calibrate one handle at the same time, one may undo what the other
 * did, so let one thread do that. No other call may be running, or follow, when a handle is freed.
 *
 * **Bits.** The same options, seed and inputs give the same bits, for any number of threads and any split of a batch (with
 * read noise, if first_sample says where a part begins).
 */
#ifndef IMPERFECT_H
#define IMPERFECT_H

#include <stddef.h>
#include <stdint.h>

/* CMake targets define IMPERFECT_STATIC for the static library. */
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

/** One layer on one chip; made by imperfect_layer_create and imperfect_layer_at. */
typedef struct imperfect_layer imperfect_layer;

/** How a call ended. */
typedef enum imperfect_status {
  IMPERFECT_OK = 0,        /**< it did what it says */
  IMPERFECT_INVALID = 1,   /**< an argument was refused; the text says which and why */
  IMPERFECT_NO_MEMORY = 2, /**< memory could not be had; there is no text */
  IMPERFECT_INTERNAL = 3   /**< a defect of the library */
} imperfect_status;

/** How a signed weight becomes non-negative conductances. */
typedef enum imperfect_scheme {
  IMPERFECT_DIFFERENTIAL = 0, /**< a pair of cells, of which one is subtracted */
  IMPERFECT_OFFSET = 1        /**< one cell, shifted by half its range */
} imperfect_scheme;

/** How rows or columns are cut into arrays. */
typedef enum imperfect_partition {
  IMPERFECT_PARTITION_EQUAL = 0, /**< blocks of equal size */
  IMPERFECT_PARTITION_FILL = 1   /**< full arrays first */
} imperfect_partition;

/** Random errors of conductances g, relative to the largest: z is a normal draw of the cell, u a uniform one from 0 to 1. */
typedef enum imperfect_law {
  IMPERFECT_LAW_NONE = 0,            /**< g */
  IMPERFECT_LAW_GAUSSIAN = 1,        /**< g + sigma z */
  IMPERFECT_LAW_PROPORTIONAL = 2,    /**< g (1 + sigma z) */
  IMPERFECT_LAW_LOGNORMAL = 3,       /**< g exp(sigma z - sigma^2/2) */
  IMPERFECT_LAW_UNIFORM = 4,         /**< g + width (u - 1/2) */
  IMPERFECT_LAW_WEIGHT_GAUSSIAN = 5, /**< sigma z of the weight range, on recombined weights */
  IMPERFECT_LAW_TABLE = 6            /**< g + sigma(g) z, interpolated from table_g, table_sigma */
} imperfect_law;

/** Where the range of the output converters comes from. */
typedef enum imperfect_adc_range {
  IMPERFECT_ADC_FULL = 0,       /**< the largest current that an array can give */
  IMPERFECT_ADC_CALIBRATED = 1, /**< found by imperfect_layer_calibrate */
  IMPERFECT_ADC_LOSSLESS = 2,   /**< one code for each level of the current */
  IMPERFECT_ADC_EXPLICIT = 3    /**< adc_low to adc_high */
} imperfect_adc_range;

/** Side of the drivers, then side of the grounded ends of the bit lines. */
typedef enum imperfect_corner {
  IMPERFECT_CORNER_LEFT_BOTTOM = 0,  /**< drivers left, grounded ends after the last row */
  IMPERFECT_CORNER_LEFT_TOP = 1,     /**< drivers left, grounded ends before the first row */
  IMPERFECT_CORNER_RIGHT_BOTTOM = 2, /**< drivers right, grounded ends after the last row */
  IMPERFECT_CORNER_RIGHT_TOP = 3     /**< drivers right, grounded ends before the first row */
} imperfect_corner;

/** What time t, in seconds, does to a conductance g. */
typedef enum imperfect_drift {
  IMPERFECT_DRIFT_NONE = 0,  /**< nothing */
  IMPERFECT_DRIFT_POWER = 1, /**< g ((t + t0)/t0)^-|nu + nu_sigma z| */
  IMPERFECT_DRIFT_PCM = 2,   /**< phase-change memory, t counted from 20 s after programming; no parameters */
  IMPERFECT_DRIFT_TABLE = 3  /**< measured means and deviations, up to the last time */
} imperfect_drift;

/** How outputs of drifted cells are scaled back to their mean magnitude on the calibration data. */
typedef enum imperfect_compensation {
  IMPERFECT_COMPENSATION_NONE = 0,  /**< not at all */
  IMPERFECT_COMPENSATION_LAYER = 1, /**< all outputs together; needs imperfect_layer_calibrate */
  IMPERFECT_COMPENSATION_COLUMN = 2 /**< every output on its own; needs imperfect_layer_calibrate */
} imperfect_compensation;

/** Shape and hardware of a layer. Fill it by imperfect_default_options first, which makes everything ideal, and change what
 * is not: a default is 0, "no" or "none" unless a field says otherwise. Pairs are (vertical, horizontal). Bits, rows and
 * columns of 0 mean ideal or unlimited. Deviations (sigma) are relative to the largest conductance g_max unless said
 * otherwise; a unit current is that of one cell at g_max driven at full scale. Choices are stored as int32_t, so that the
 * layout does not depend on the compiler's enums. */
typedef struct imperfect_options {
  size_t struct_size; /**< set by imperfect_default_options; do not change it */

  int32_t in_channels;  /**< channels of the input, or inputs of a linear layer; default 1 */
  int32_t out_channels; /**< channels of the output, or outputs of a linear layer; default 1 */
  int32_t groups;       /**< of a grouped convolution; default 1 */
  int32_t kernel[2];    /**< default 1, 1: a linear layer */
  int32_t stride[2];    /**< default 1, 1 */
  int32_t dilation[2];  /**< default 1, 1 */
  int32_t pad_begin[2]; /**< zeros above and left of the input */
  int32_t pad_end[2];   /**< zeros below and right of the input */

  int32_t weight_bits;      /**< of a weight, sign included; 0: not quantised */
  int32_t scheme;           /**< imperfect_scheme */
  int32_t two_sided;        /**< flag: both cells of a continuous pair are used, around the middle of their range */
  int32_t subtract_digital; /**< flag: each polarity of a pair is converted, then subtracted */
  int32_t unit_column;      /**< flag: the offset is removed by a column of the array, else digitally */
  int32_t per_channel;      /**< flag: a weight range for each output, else one for the layer */
  int32_t block_diagonal;   /**< flag: groups share arrays, else each has its own */
  double weight_range;      /**< weight that maps to the largest conductance; 0: the largest magnitude, max|W| */
  double weight_percentile; /**< 0: none; else the range is this percentile of the magnitudes, above 50 up to 100 */

  int32_t cell_bits;         /**< of one cell; a weight takes several if it has more. 0: continuous conductances */
  double on_off_ratio;       /**< largest by smallest conductance, above 1; default infinity */
  double g_min_sigma;        /**< of the smallest conductance, from cell to cell */
  double g_max_sigma;        /**< of the largest conductance, from cell to cell */
  int32_t programming;       /**< imperfect_law of the error when a cell is written */
  double programming_sigma;  /**< its sigma, or the width of IMPERFECT_LAW_UNIFORM */
  const double* table_g;     /**< IMPERFECT_LAW_TABLE: increasing g/g_max */
  const double* table_sigma; /**< IMPERFECT_LAW_TABLE: deviation at each of them */
  size_t table_size;         /**< points of the table */
  double p_stuck_on;         /**< probability of a cell stuck at its largest conductance */
  double p_stuck_off;        /**< probability of a cell stuck at its smallest conductance */

  int32_t array_rows; /**< word lines of an array */
  int32_t array_cols; /**< bit lines of an array */
  int32_t partition;  /**< imperfect_partition */

  int32_t dac_bits;              /**< of an input, its sign included unless there are two passes; 0: continuous */
  int32_t dac_slice_bits;        /**< bits that are driven at a time; 0: all */
  int32_t dac_signed;            /**< 1, 0, or -1: decided by calibration; default -1 */
  int32_t dac_two_pass;          /**< flag: positive, then negative inputs */
  int32_t dac_accumulate_analog; /**< flag: slices of an input are added up before conversion */
  double dac_range;              /**< full scale, in units of the input; 0: decided by calibration */

  int32_t adc_bits;      /**< of an output converter; 0: ideal */
  int32_t adc_range;     /**< imperfect_adc_range */
  double adc_low;        /**< IMPERFECT_ADC_EXPLICIT: lowest current, in unit currents */
  double adc_high;       /**< IMPERFECT_ADC_EXPLICIT: highest current, in unit currents */
  double adc_percentile; /**< 0: calibrate by least squares; else by this percentile, above 50 up to 100 */

  int32_t read_noise;        /**< imperfect_law: none, Gaussian or proportional; drawn fresh at every read */
  double read_noise_sigma;   /**< as a fraction of g_max, or (proportional) of the conductance itself */
  int32_t read_noise_shared; /**< flag: a cell's draw is the same in all cycles of a product */

  uint64_t seed;       /**< key of every draw: one number for each chip */
  uint64_t layer_id;   /**< key of every draw: tells the layers of one chip apart */
  int32_t num_threads; /**< of a forward pass, at most; 0: the default of OpenMP */
  int32_t fixed16;     /**< flag: products of one-bit inputs with cells rounded to 16-bit integers */

  int32_t drift;               /**< imperfect_drift: what imperfect_layer_at does to the cells */
  int32_t drift_compensation;  /**< imperfect_compensation */
  double drift_nu;             /**< IMPERFECT_DRIFT_POWER: mean exponent */
  double drift_nu_sigma;       /**< IMPERFECT_DRIFT_POWER: its deviation from cell to cell */
  double drift_t0;             /**< IMPERFECT_DRIFT_POWER: age of the cells at t = 0, in seconds; default 20 */
  const double* drift_seconds; /**< IMPERFECT_DRIFT_TABLE: increasing times above 0, in seconds */
  const double* drift_g;       /**< IMPERFECT_DRIFT_TABLE: increasing g/g_max */
  const double* drift_mean;    /**< IMPERFECT_DRIFT_TABLE, [time][g]: what cells programmed to g have become, over g_max */
  const double* drift_sigma;   /**< IMPERFECT_DRIFT_TABLE, [time][g]: and their deviation */
  size_t drift_times;          /**< number of drift_seconds */
  size_t drift_points;         /**< number of drift_g */

  double column_current_max; /**< what a bit line carries at most, to both sides, in unit currents; 0: unlimited */
  const double* dac_curve_v; /**< a digit meant to drive v (full scale: 1) ... ; from 0 to 1, increasing */
  const double* dac_curve_f; /**< ... drives f(v); from 0 */
  size_t dac_curve_size;     /**< points; 0: f(v) = v */

  int32_t adc_tie_slices;      /**< flag: calibrated ranges are one range times powers of two */
  double adc_gain_sigma;       /**< from converter to converter, relative */
  double adc_offset_sigma;     /**< from converter to converter, in lsb */
  double adc_noise;            /**< deviation of every conversion, in lsb */
  const double* adc_inl_code;  /**< integral nonlinearity: increasing codes ... */
  const double* adc_inl_error; /**< ... and the errors at them in lsb, the same for all converters */
  size_t adc_inl_size;         /**< points; 0: no nonlinearity */

  double g_max;           /**< siemens; 0: not given. Wires and cell curves need it */
  double r_row;           /**< ohm, of the segment of a word line at each cell */
  double r_col;           /**< ohm, of the segment of a bit line at each cell */
  double r_driver;        /**< ohm, in series with each driver */
  double r_sense;         /**< ohm, in series with each grounded end */
  int32_t corner;         /**< imperfect_corner */
  int32_t interleaved;    /**< flag: slices and polarities of a weight are neighbours in one array */
  int32_t gated;          /**< flag: word lines without input disconnect their cells; slow with wires */
  double v_read;          /**< volt across a cell at full-scale input; 0: not given. Cell curves need it */
  const double* curve_g;  /**< of a curve I = G V + a2 V^2 + a3 V^3: increasing siemens above 0 */
  const double* curve_a2; /**< A/V^2 at each G, linear between points */
  const double* curve_a3; /**< A/V^3 at each G, linear between points */
  size_t curve_size;      /**< points; 0: linear cells */

  int32_t kernel_depth;         /**< of convolutions of volumes; default 1 */
  int32_t stride_depth;         /**< default 1 */
  int32_t dilation_depth;       /**< default 1 */
  int32_t pad_begin_depth;      /**< zeros before the first picture of a volume */
  int32_t pad_end_depth;        /**< zeros after the last one */
  int32_t transposed;           /**< flag: transposed convolution; strides are those of its output, pads are cut off it */
  int32_t output_padding[2];    /**< of a transposed convolution: added at the end of its output */
  int32_t output_padding_depth; /**< the same in depth */
} imperfect_options;

/** Writes the defaults, an ideal 1 x 1 linear layer, into options of `struct_size` bytes. For bindings of other languages,
 * which state the size of the struct as they know it; in C and C++ call imperfect_default_options. Does
 * nothing for NULL, or where struct_size itself has no room. */
IMPERFECT_API void imperfect_init_options(imperfect_options* options, size_t struct_size);

/** Writes the defaults: an ideal 1 x 1 linear layer. */
static inline void imperfect_default_options(imperfect_options* options) { imperfect_init_options(options, sizeof *options); }

/** Makes and programs a layer.
 *
 * \param options shape and hardware
 * \param weight out_channels x (in_channels/groups) x kernel finite values; if transposed, in_channels x
 *   (out_channels/groups) x kernel
 * \param weight_size number of weights
 * \param bias out_channels finite values, added digitally, or NULL
 * \param[out] layer the layer, to be freed by imperfect_layer_free; NULL if the call fails
 * \return IMPERFECT_INVALID for a field out of range, fields that do not fit together, or a shape that does not fit */
IMPERFECT_API imperfect_status imperfect_layer_create(const imperfect_options* options, const float* weight,
                                                      size_t weight_size, const float* bias, imperfect_layer** layer);

/** Writes all cells again, with other draws: same seed and write number, same bits. A calibration stays. */
IMPERFECT_API imperfect_status imperfect_layer_program(imperfect_layer* layer, uint64_t seed, uint32_t write);

/** Sets the converter ranges that the options leave open, from inputs.
 *
 * \param layer the layer
 * \param x images x in_channels x height x width finite values
 * \param images at least 1; more of them make better ranges
 * \param height height of one image; 1 for a linear layer
 * \param width width of one image; 1 for a linear layer
 * \return IMPERFECT_INVALID if x does not fit or is not finite */
IMPERFECT_API imperfect_status imperfect_layer_calibrate(imperfect_layer* layer, const float* x, size_t images,
                                                         int32_t height, int32_t width);

/** Height and width of the output for one size of the input. */
IMPERFECT_API imperfect_status imperfect_layer_output_size(const imperfect_layer* layer, int32_t height, int32_t width,
                                                           int32_t* output_height, int32_t* output_width);

/** y = layer(x).
 *
 * \param layer the layer
 * \param x images x in_channels x height x width finite values
 * \param images number of images; 0 is allowed
 * \param height height of one image; 1 for a linear layer
 * \param width width of one image; 1 for a linear layer
 * \param[out] y images x out_channels x output height x output width values
 * \param y_size number of values in y
 * \return IMPERFECT_INVALID if a size does not fit, x is not finite, or a range still waits for calibration; y is
 *   then as it was, or (if the output would not be finite) not to be used */
IMPERFECT_API imperfect_status imperfect_layer_forward(const imperfect_layer* layer, const float* x, size_t images,
                                                       int32_t height, int32_t width, float* y, size_t y_size);

/** The same for images first_sample, first_sample + 1, ... of read number `read`. The two numbers are the key of what is
 * drawn fresh at every read: the same numbers give the same noise. imperfect_layer_forward takes 0 and 0. */
IMPERFECT_API imperfect_status imperfect_layer_read(const imperfect_layer* layer, uint64_t first_sample, uint64_t read,
                                                    const float* x, size_t images, int32_t height, int32_t width, float* y,
                                                    size_t y_size);

/** imperfect_layer_calibrate for volumes: images x in_channels x depth x height x width. */
IMPERFECT_API imperfect_status imperfect_layer_calibrate_volumes(imperfect_layer* layer, const float* x, size_t images,
                                                                 int32_t depth, int32_t height, int32_t width);

/** imperfect_layer_output_size for volumes. */
IMPERFECT_API imperfect_status imperfect_layer_volume_output_size(const imperfect_layer* layer, int32_t depth, int32_t height,
                                                                  int32_t width, int32_t* output_depth,
                                                                  int32_t* output_height, int32_t* output_width);

/** imperfect_layer_read for volumes: images x channels x depth x height x width. */
IMPERFECT_API imperfect_status imperfect_layer_read_volumes(const imperfect_layer* layer, uint64_t first_sample,
                                                            uint64_t read, const float* x, size_t images, int32_t depth,
                                                            int32_t height, int32_t width, float* y, size_t y_size);

/** The same layer `seconds` after its cells were written: the same cells, drifted, and the same calibration. The first handle
 * does not change.
 *
 * \param layer the layer
 * \param seconds from 0
 * \param[out] later another handle, to be freed too, in any order; NULL if the call fails
 * \return IMPERFECT_INVALID for a time that the law of drift does not cover */
IMPERFECT_API imperfect_status imperfect_layer_at(const imperfect_layer* layer, double seconds, imperfect_layer** later);

/** The weights that the programmed cells stand for, in the layout of `weight`; `weight_size` is their number. */
IMPERFECT_API imperfect_status imperfect_layer_effective_weight(const imperfect_layer* layer, float* weight,
                                                                size_t weight_size);

/** Frees a layer; NULL is allowed. Layers made from it by imperfect_layer_at live on. */
IMPERFECT_API void imperfect_layer_free(imperfect_layer* layer);

/** Text of the last call of the calling thread that failed; empty if its last call that returns a status went well. The text
 * is the library's and valid until the thread's next call. */
IMPERFECT_API const char* imperfect_last_error(void);

/** "major.minor.patch" of the library. */
IMPERFECT_API const char* imperfect_version(void);

/** The SIMD level in use, "base", "avx2" or "avx512"; "" if IMPERFECT_SIMD asks for one it cannot give. */
IMPERFECT_API const char* imperfect_simd_level(void);

#ifdef __cplusplus
}
#endif

#endif
