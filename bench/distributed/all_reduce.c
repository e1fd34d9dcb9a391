/* The time of MPI_Allreduce in place: the best and the median of many calls. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rank, count = atoi(argv[1]), calls = atoi(argv[2]);
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  float *values = malloc(count * sizeof(float));
  double *times = malloc(calls * sizeof(double));
  for (int i = 0; i < count; i++) values[i] = 0;
  for (int i = 0; i < calls; i++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM,
                  MPI_COMM_WORLD);
    times[i] = 1e3 * (MPI_Wtime() - start);
  }
  qsort(times, calls, sizeof(double), compare);
  if (rank == 0)
    printf("{\"best\": %f, \"median\": %f}\n", times[0], times[calls / 2]);
  MPI_Finalize();
  return 0;
}
