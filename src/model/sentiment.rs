//! Between the levels: how the customer feels in a turn, as heard in its context.

use super::sigmoid;

/// How a customer feels: two probabilities that need not add up to 1, the rest is neutral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feeling {
    /// P(negative).
    pub negative: f64,
    /// P(positive).
    pub positive: f64,
}

impl Feeling {
    /// P(positive) − P(negative), −1 … 1.
    pub fn sentiment(self) -> f64 {
        self.positive - self.negative
    }
}

/// Two linear heads over what the turn heads say of a customer's words and of the turns before
/// them. The same words weigh differently after a refusal and after a kept promise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentimentHead {
    /// Names of the inputs; [`crate::features`] computes them.
    pub inputs: Vec<String>,
    /// Log-odds of negative and of positive when all inputs are 0.
    pub intercepts: [f64; 2],
    /// For each input its weight for negative and for positive.
    pub weights: Vec<[f64; 2]>,
}

impl SentimentHead {
    /// The feeling behind `inputs`, in the order of the names.
    pub fn feeling(&self, inputs: impl Iterator<Item = f64>) -> Feeling {
        let [mut negative, mut positive] = self.intercepts;
        for (weight, input) in self.weights.iter().zip(inputs) {
            negative += weight[0] * input;
            positive += weight[1] * input;
        }
        Feeling { negative: sigmoid(negative), positive: sigmoid(positive) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heads_share_their_inputs() {
        let head = SentimentHead {
            inputs: vec!["a".into(), "b".into()],
            intercepts: [0.0, -1.0],
            weights: vec![[1.0, 0.0], [0.5, 2.0]],
        };
        let feeling = head.feeling([-1.0, 2.0].into_iter());
        assert_eq!(feeling, Feeling { negative: 0.5, positive: sigmoid(3.0) });
        assert_eq!(feeling.sentiment(), sigmoid(3.0) - 0.5);
    }
}
