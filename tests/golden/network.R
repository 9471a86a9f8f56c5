# Network meta-analyses by metafor, for tests/golden/test_network_metafor.py:
#
#   Rscript network.R senn.txt linde2015_antidepressants.csv       (R 4.2.2, metafor 3.8-1)
#
# senn.txt: the lines of SENN in that test. Multi-arm trials enter by contrasts with their first
# arm; one between-trial variance, correlation 0.5 inside a trial, by the moment estimate of
# Jackson, White & Riley 2013, Biometrical Journal 55(2), 231-245.
suppressMessages(library(metafor))

moment <- function(y, V, X, study) {
  W <- solve(V)
  P <- 0.5 * outer(study, study, "==")
  diag(P) <- 1
  H <- X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W
  f <- rma.mv(y, V, mods = X, intercept = FALSE)
  df <- length(y) - ncol(X)
  tau2 <- max(0, (f$QE - df) / sum(diag(t(diag(length(y)) - H) %*% W %*% P)))
  random <- rma.mv(y, V + tau2 * P, mods = X, intercept = FALSE)
  list(Q = f$QE, df = df, tau2 = tau2, P = P, common = coef(f), effect = coef(random),
       se = random$se, cov = vcov(random))
}

pscores <- function(fit, good) {  # good: 1 where more is better, -1 where less is
  b <- good * c(0, fit$effect)
  C <- rbind(0, cbind(0, fit$cov))
  k <- seq_along(b)
  sapply(k, function(i) mean(sapply(setdiff(k, i), function(j)
    pnorm((b[i] - b[j]) / sqrt(C[i, i] + C[j, j] - 2 * C[i, j])))))
}

show <- function(name, x) cat(name, ":", paste(format(round(x, 4), nsmall = 4), collapse = " "), "\n")

files <- commandArgs(TRUE)

# Senn et al. 2013: 28 differences, one trial of three arms
senn <- read.table(files[1], col.names = c("te", "se", "t1", "t2", "study"))
treatments <- c("plac", "acar", "benf", "metf", "migl", "piog", "rosi", "sita", "sulf", "vild")
X <- sapply(treatments, function(t) (senn$t1 == t) - (senn$t2 == t))[, -1]
three <- senn$study == "Willms1999"
keep <- !(three & senn$t2 == "acar")
V <- diag(senn$se^2)
w <- which(three & keep)
V[w[1], w[2]] <- V[w[2], w[1]] <- (sum(senn$se[w]^2) - senn$se[three & senn$t2 == "acar"]^2) / 2
s <- senn[keep, ]; V <- V[keep, keep]; X <- X[keep, ]
whole <- moment(s$te, V, X, s$study)
pair <- apply(s[, c("t1", "t2")], 1, function(r) paste(sort(r), collapse = "-"))
sign <- ifelse(paste(s$t1, s$t2, sep = "-") == pair, 1, -1)
design <- ifelse(s$study == "Willms1999", paste("three", pair), pair)
D <- model.matrix(~ 0 + design) * sign
inside <- moment(s$te, V, D, s$study)
R <- V + inside$tau2 * whole$P
q <- function(V, X) rma.mv(s$te, V, mods = X, intercept = FALSE)$QE
show("Q, df, tau2", c(whole$Q, whole$df, whole$tau2))
show("within designs: Q, df, tau2", c(inside$Q, inside$df, inside$tau2))
show("between designs: Q, df", c(whole$Q - inside$Q, whole$df - inside$df))
show("between designs, random", q(R, X) - q(R, D))
show("common effects", whole$common)
show("random effects", whole$effect)
show("their errors", whole$se)
show("P-scores, small is good", pscores(whole, -1))

# Linde et al. 2015: arms of 66 trials; log odds ratios, 0.5 in all cells where one is empty
linde <- read.csv(files[2], check.names = FALSE)
network <- function(stem) {
  y <- NULL; blocks <- list(); t1 <- NULL; t2 <- NULL; study <- NULL
  for (i in seq_len(nrow(linde))) {
    t <- as.character(unlist(linde[i, paste0("treatment", 1:3)]))
    n <- as.numeric(unlist(linde[i, paste0("n", 1:3)]))
    e <- as.numeric(unlist(linde[i, paste0(stem, 1:3)]))
    ok <- t != "" & !is.na(t) & !is.na(n) & !is.na(e)
    arms <- rowsum(cbind(e, n)[ok, , drop = FALSE], t[ok])  # arms of one class are added up
    if (nrow(arms) < 2 || sum(arms[, 1]) == 0 || sum(arms[, 1]) == sum(arms[, 2])) next
    add <- if (any(arms[, 1] == 0 | arms[, 1] == arms[, 2])) 0.5 else 0
    yes <- arms[, 1] + add; no <- arms[, 2] - arms[, 1] + add
    lo <- log(yes / no); v <- 1 / yes + 1 / no; k <- length(lo)
    y <- c(y, lo[-1] - lo[1])
    blocks[[length(blocks) + 1]] <- diag(v[-1], k - 1) + v[1]
    t1 <- c(t1, rownames(arms)[-1]); t2 <- c(t2, rep(rownames(arms)[1], k - 1))
    study <- c(study, rep(i, k - 1))
  }
  names <- c("Placebo", setdiff(sort(unique(c(t1, t2))), "Placebo"))
  X <- sapply(names, function(t) (t1 == t) - (t2 == t))[, -1]
  f <- moment(y, as.matrix(bldiag(blocks)), X, study)
  cat("\n", stem, ":", length(unique(study)), "trials\n")
  show("Q, df, tau2", c(f$Q, f$df, f$tau2))
  for (k in seq_along(f$effect)) show(colnames(X)[k], c(f$effect[k], f$se[k]))
}
network("resp"); network("remi"); network("loss.ae")
